"""The commitment: all questions that an organization is asked.

Names and option codes are public: pages, stored answers, exports and open data use them.
"""

from ..forms.conditions import Answered, Either, Has, Not
from ..forms.fields import (
    YES_NO,
    Choice,
    Choices,
    Confirm,
    Date,
    Email,
    Group,
    LongText,
    Option,
    Phone,
    Select,
    Text,
    Url,
)
from ..forms.flow import Branch, Flow, Program, Section, Step

PARTNER = Has("organization_kind", frozenset({"company", "nonprofit", "community"}))
JURISDICTION = Has("organization_kind", frozenset({"city", "agency"}))
ON_POLICE_DATA = Has("programs", frozenset({"police_data_initiative"}))
ON_OPPORTUNITY = Has("programs", frozenset({"opportunity_project"}))

STATES = (
    "AL Alabama, AK Alaska, AS American Samoa, AZ Arizona, AR Arkansas, CA California, "
    "CO Colorado, CT Connecticut, DE Delaware, DC District of Columbia, FL Florida, GA Georgia, "
    "GU Guam, HI Hawaii, ID Idaho, IL Illinois, IN Indiana, IA Iowa, KS Kansas, KY Kentucky, "
    "LA Louisiana, ME Maine, MD Maryland, MA Massachusetts, MI Michigan, MN Minnesota, "
    "MS Mississippi, MO Missouri, MT Montana, NE Nebraska, NV Nevada, NH New Hampshire, "
    "NJ New Jersey, NM New Mexico, NY New York, NC North Carolina, ND North Dakota, "
    "MP Northern Mariana Islands, OH Ohio, OK Oklahoma, OR Oregon, PA Pennsylvania, "
    "PR Puerto Rico, RI Rhode Island, SC South Carolina, SD South Dakota, TN Tennessee, TX Texas, "
    "VI U.S. Virgin Islands, UT Utah, VT Vermont, VA Virginia, WA Washington, WV West Virginia, "
    "WI Wisconsin, WY Wyoming"
)

kind = Step(
    "kind",
    "Who is answering?",
    short="Who",
    why="The questions that follow depend on it.",
    fields=(
        Choice(
            "organization_kind",
            "I answer for",
            noun="who you answer for",
            required=True,
            public=True,
            options=(
                Option("company", "a private-sector company"),
                Option("nonprofit", "a nonprofit organization"),
                Option("community", "a community organization or group"),
                Option("city", "a city or other local government"),
                Option(
                    "agency",
                    "a law enforcement agency",
                    "Police, sheriff, tribal, campus, transit and others",
                ),
                Option("individual", "myself"),
            ),
        ),
    ),
)

organization = Step(
    "organization",
    "Your organization",
    short="Organization",
    why="This is how others will find your commitment.",
    fields=(
        Text(
            "organization_name",
            "Name of the organization",
            noun="the name of your organization",
            required=True,
            public=True,
            autocomplete="organization",
        ),
        Text(
            "city",
            "City or town",
            noun="your city or town",
            required=True,
            public=True,
            max_length=100,
            autocomplete="address-level2",
        ),
        Select(
            "state",
            "State or territory",
            noun="your state or territory",
            required=True,
            public=True,
            options=tuple(Option(entry[:2], entry[3:]) for entry in STATES.split(", ")),
        ),
        Url("website", "Website", noun="your website", public=True, autocomplete="url"),
    ),
)

contact = Step(
    "contact",
    "Who we can contact",
    short="Contact",
    why="Program staff may have a question. None of this is ever published.",
    fields=(
        Text(
            "contact_name",
            "Name",
            noun="the name of the person we can contact",
            required=True,
            autocomplete="name",
        ),
        Text(
            "contact_role",
            "Role or title",
            noun="the person’s role",
            autocomplete="organization-title",
        ),
        Email(
            "contact_email",
            "E-mail address",
            noun="the e-mail address",
            hint="The confirmation goes here.",
            required=True,
            autocomplete="email",
        ),
        Phone(
            "contact_phone",
            "Phone number",
            noun="the phone number",
            hint="A number outside the United States starts with + and the country code.",
            autocomplete="tel",
        ),
    ),
)

involvement = Step(
    "involvement",
    "How you work with police and data today",
    short="Today",
    why="A commitment is easier to read when one knows where it starts from.",
    fields=(
        Choices(
            "works_with",
            "We work with",
            noun="who or what you work with",
            hint="Choose all that apply.",
            required=True,
            public=True,
            exclusive="none_yet",
            options=(
                Option("law_enforcement", "law enforcement agencies"),
                Option("community_groups", "community groups"),
                Option("open_data", "open data"),
                Option("none_yet", "none of these yet"),
            ),
        ),
        LongText(
            "involvement_description",
            "In what capacity do you work with them now?",
            noun="how you work with them now",
            hint="Leave this empty if you chose “none of these yet”.",
            required=Not(Has("works_with", frozenset({"none_yet"}))),
            public=True,
        ),
    ),
)

COMMITMENT_TITLE = Text(
    "commitment_title",
    "Your commitment in one line",
    noun="your commitment in one line",
    hint="Others will see this line first.",
    required=True,
    public=True,
    max_length=120,
)

commitment = Step(
    "commitment",
    "Your commitment",
    short="Commitment",
    why="Tell us what is new: the steps that you will take from now on.",
    fields=(
        COMMITMENT_TITLE,
        Choices(
            "programs",
            "It belongs to",
            noun="at least one program",
            hint="Choose one or both.",
            required=True,
            public=True,
            options=(
                Option(
                    "police_data_initiative",
                    "the Police Data Initiative",
                    "Open data for transparency, trust and accountability",
                ),
                Option(
                    "opportunity_project",
                    "the Opportunity Project",
                    "Open data for access to jobs, housing, transportation and schools",
                ),
            ),
        ),
        Choices(
            "goals",
            "Which goals of the Police Data Initiative does it serve?",
            noun="at least one goal",
            required=True,
            when=ON_POLICE_DATA,
            public=True,
            options=(
                Option("transparency", "transparency"),
                Option("trust", "community trust"),
                Option("accountability", "accountability"),
            ),
        ),
        LongText(
            "commitment_description",
            "What will you do, and how?",
            noun="what you will do, and how",
            hint="For example, how you help police departments share data with the public, or how "
            "you use data to bring people together. Say what exactly, and how it will be done.",
            required=True,
            public=True,
        ),
    ),
)

milestones = Step(
    "milestones",
    "Specific, measurable steps",
    short="Milestones",
    why="Break the commitment into steps, so that anyone can tell when each is done.",
    fields=(
        Group(
            "milestones",
            "Milestones",
            noun="at least one milestone",
            required=True,
            public=True,
            entry="Milestone",
            min_entries=1,
            max_entries=10,
            fields=(
                Text(
                    "what",
                    "What will be done",
                    noun="what will be done",
                    required=True,
                    public=True,
                ),
                Text(
                    "measure",
                    "How will you know that it is done?",
                    noun="how you will know that it is done",
                    hint="A number, a date or a page that anyone can look up.",
                    required=True,
                    public=True,
                ),
                Date(
                    "due",
                    "By when",
                    noun="the day by which it is done",
                    required=True,
                    public=True,
                    not_past=True,
                ),
            ),
        ),
    ),
)

current_data = Step(
    "current_data",
    "Your police data today",
    short="Data today",
    why="Others learn from where you stand, whatever that is.",
    fields=(
        Choice(
            "publishes_now",
            "Do you publish police data today?",
            noun="whether you publish police data today",
            required=True,
            public=True,
            options=YES_NO,
        ),
        LongText(
            "current_data_description",
            "What is the state of your police data?",
            noun="the state of your police data",
            hint="Which data sets do you keep, and which of them are public?",
            required=True,
            public=True,
        ),
        Url(
            "portal_url",
            "Where is your police data?",
            noun="the address of your data",
            hint="The web address of your data portal or page.",
            when=Has("publishes_now", frozenset({"yes"})),
            public=True,
        ),
    ),
)

data_sets = Step(
    "data_sets",
    "Data sets you will release",
    short="Data sets",
    why="Commit to at least three data sets about how police and people meet. "
    "Data that you have released already counts.",
    fields=(
        Group(
            "data_sets",
            "Data sets",
            noun="at least three data sets",
            required=True,
            public=True,
            entry="Data set",
            entry_noun="data set",
            hint="A data set that you plan counts as well: give the day on which you will release "
            "it. If you have fewer than three, save what you have and write to the program.",
            min_entries=3,
            max_entries=20,
            unique=("category", "title"),
            fields=(
                Select(
                    "category",
                    "What is it about?",
                    noun="what the data set is about",
                    required=True,
                    public=True,
                    options=(
                        Option("use_of_force", "use of force"),
                        Option("officer_involved_shootings", "officer-involved shootings"),
                        Option("vehicle_stops", "vehicle stops"),
                        Option("pedestrian_stops", "pedestrian stops"),
                        Option("field_contacts", "field contacts"),
                        Option("citations_warnings", "citations and warnings"),
                        Option("arrests", "arrests"),
                        Option("complaints", "complaints and their outcomes"),
                        Option("calls_for_service", "calls for service"),
                        Option("response_times", "response times"),
                        Option("vehicle_pursuits", "vehicle pursuits"),
                        Option("custody_deaths", "deaths in custody"),
                        Option("assaults_on_officers", "assaults on officers"),
                        Option("workforce", "workforce demographics"),
                        Option("training", "training"),
                        Option("community_engagement", "community engagement"),
                        Option("crime_incidents", "crime incidents"),
                        Option("other", "something else"),
                    ),
                ),
                Text(
                    "category_other",
                    "What else is it about?",
                    noun="what else the data set is about",
                    required=True,
                    public=True,
                    when=Has("category", frozenset({"other"})),
                ),
                Text(
                    "title",
                    "Title",
                    noun="a title for the data set",
                    required=True,
                    public=True,
                    max_length=120,
                ),
                Select(
                    "format",
                    "Format",
                    noun="a format",
                    hint="An open, machine-readable one.",
                    required=True,
                    public=True,
                    options=(
                        Option("csv", "CSV"),
                        Option("json", "JSON"),
                        Option("geojson", "GeoJSON"),
                        Option("xml", "XML"),
                        Option("api", "API"),
                        Option("other_open", "another open format"),
                    ),
                ),
                Choice(
                    "incident_level",
                    "Is there one record for each incident?",
                    noun="whether there is one record for each incident",
                    required=True,
                    public=True,
                    options=YES_NO,
                ),
                Date(
                    "release_on",
                    "Release date",
                    noun="the release date",
                    hint="It may lie in the past.",
                    required=True,
                    public=True,
                ),
                Url(
                    "url",
                    "Where it is, or will be",
                    noun="the address of the data set",
                    public=True,
                ),
            ),
        ),
    ),
)

plan = Step(
    "plan",
    "Your proposed commitments",
    short="Plan",
    why="Data helps when people can find it, understand it and talk about it.",
    fields=(
        COMMITMENT_TITLE,
        LongText(
            "access_plan",
            "How will you make data more accessible to the public?",
            noun="how you will make data more accessible",
            required=True,
            public=True,
        ),
        LongText(
            "engagement_plan",
            "How will you use data to engage with residents?",
            noun="how you will use data to engage with residents",
            required=True,
            public=True,
        ),
    ),
)

community = Step(
    "community",
    "Community of practice",
    short="Community",
    why="Agencies that do the same work help each other in the Police Data Initiative’s "
    "community of practice.",
    fields=(
        Confirm(
            "joins_community",
            "We will take part in the Police Data Initiative’s community of practice.",
            noun="that you will take part in the community of practice",
            required=True,
        ),
        Choices(
            "help_wanted",
            "What would you like help with?",
            noun="what you would like help with",
            hint="Choose all that apply.",
            public=True,
            exclusive="none",
            options=(
                Option("choosing_data", "choosing what to release"),
                Option("extraction", "getting data out of our systems"),
                Option("formats_metadata", "formats and metadata"),
                Option("privacy", "privacy"),
                Option("engagement", "engaging with residents"),
                Option("none", "nothing at the moment"),
            ),
        ),
        Choice(
            "delegate_is_contact",
            "Is the contact that you gave also your delegate?",
            noun="whether your contact is also your delegate",
            hint="The delegate comes to the meetings.",
            required=True,
            options=YES_NO,
        ),
        Text(
            "delegate_name",
            "Name of the delegate",
            noun="the name of the delegate",
            required=True,
            when=Has("delegate_is_contact", frozenset({"no"})),
        ),
        Email(
            "delegate_email",
            "E-mail address of the delegate",
            noun="the e-mail address of the delegate",
            required=True,
            when=Has("delegate_is_contact", frozenset({"no"})),
        ),
    ),
)

opportunity = Step(
    "opportunity",
    "The Opportunity Project",
    short="Opportunity",
    why="It puts federal and local open data to work for families and neighborhoods.",
    fields=(
        Choices(
            "opportunity_actions",
            "What will you do?",
            noun="at least one thing that you will do",
            hint="Choose all that apply.",
            required=PARTNER,
            public=True,
            options=(
                Option("use_data", "use its data"),
                Option("offer_data", "offer more data"),
                Option(
                    "deepen_engagement",
                    "deepen community engagement",
                    "Partnerships, user-centered design",
                ),
                Option("other", "something else"),
            ),
        ),
        Choices(
            "opportunity_topics",
            "About what?",
            noun="what it is about",
            public=True,
            options=(
                Option("jobs", "jobs"),
                Option("housing", "housing"),
                Option("transportation", "transportation"),
                Option("schools", "schools"),
                Option("amenities", "other neighborhood amenities"),
            ),
        ),
        LongText(
            "opportunity_description",
            "Describe it in a few sentences",
            noun="what you will do for the Opportunity Project",
            hint="Leave this empty if you chose nothing above.",
            required=Answered("opportunity_actions"),
            public=True,
        ),
    ),
)

publication = Step(
    "publication",
    "Publishing",
    short="Publishing",
    why="What organizations commit to is there for all to read, if they agree.",
    fields=(
        Choice(
            "publish_consent",
            "May we list this commitment publicly?",
            noun="whether we may list this commitment publicly",
            hint="It then is open data, in the public domain (CC0), for anyone to use. Your "
            "contact and your delegate are never part of it.",
            required=True,
            options=YES_NO,
        ),
    ),
)

review = Step(
    "review",
    "Check your answers",
    short="Check and submit",
    fields=(
        Confirm(
            "authorized",
            "I am authorized to make this commitment for the organization.",
            noun="that you are authorized to make this commitment",
            required=True,
        ),
    ),
)

COMMITMENT = Flow(
    "commitment",
    version=1,
    sections=(
        Section("About you", (kind, organization, contact)),
        Section("Your commitment", (involvement, commitment, milestones), when=PARTNER),
        Section("Your police data", (current_data, data_sets, plan, community), when=JURISDICTION),
        Section(
            "The Opportunity Project", (opportunity,), when=Either((JURISDICTION, ON_OPPORTUNITY))
        ),
        Section("Finish", (publication,)),
    ),
    review=review,
    branches=(
        Branch("partner", "Companies, nonprofits and community organizations", PARTNER),
        Branch("jurisdiction", "Cities and law enforcement agencies", JURISDICTION),
    ),
    programs=(
        Program(
            "police_data_initiative",
            "Police Data Initiative",
            Either((JURISDICTION, ON_POLICE_DATA)),
        ),
        Program(
            "opportunity_project",
            "Opportunity Project",
            Either((Answered("opportunity_actions"), ON_OPPORTUNITY)),
        ),
    ),
    ineligible_when=Has("organization_kind", frozenset({"individual"})),
)
