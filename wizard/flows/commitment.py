"""The commitment: all questions that an organization is asked.

Names and option codes are public: pages, stored answers, exports and open data use them.
"""

from ..forms.choices import YES_NO, Choice, Choices, Option, Select
from ..forms.conditions import Answered, Answers, Either, Has, Not
from ..forms.fields import Confirm, Date, Email, LongText, Phone, Text, Url
from ..forms.flow import Branch, Facet, Flow, Noun, Pages, Program, Roles, Section, Step
from ..forms.groups import Group

PARTNER = Has("organization_kind", frozenset({"company", "nonprofit", "community"}))
JURISDICTION = Has("organization_kind", frozenset({"city", "agency"}))
ON_POLICE_DATA = Has("programs", frozenset({"police_data_initiative"}))
WORKS_WITH_SOMEBODY = Not(Has("works_with", frozenset({"none_yet"})))
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

ON_CHANGE = (
    "Your answer decides which questions you see next. If you change it later, we’ll keep your "
    "other answers. Those that no longer apply won’t be submitted, unless you change back."
)

kind = Step(
    "kind",
    "Who are you responding for?",
    short="Organization type",
    why=ON_CHANGE,
    fields=(
        Choice(
            "organization_kind",
            "What kind of organization do you represent?",
            noun="what kind of organization you represent",
            required=True,
            public=True,
            options=(
                Option("company", "A private-sector company"),
                Option("nonprofit", "A nonprofit organization"),
                Option("community", "A community organization or group"),
                Option("city", "A city, county or other local government"),
                Option(
                    "agency",
                    "A law enforcement agency",
                    "For example: a police department, sheriff’s office, or tribal, campus or "
                    "transit police",
                ),
                Option("individual", "I’m responding as an individual"),
            ),
        ),
    ),
)

organization = Step(
    "organization",
    "Your organization",
    short="Organization",
    why="If you agree to publish your commitment, people can find it by your organization’s name "
    "and location.",
    fields=(
        Text(
            "organization_name",
            "Organization name",
            noun="your organization’s name",
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
        Url("website", "Website", noun="your website’s address", public=True, autocomplete="url"),
    ),
)

contact = Step(
    "contact",
    "Contact person",
    short="Contact",
    why="We’ll use these details to confirm your commitment and ask questions about it. We never "
    "publish them.",
    fields=(
        Text(
            "contact_name",
            "Name",
            noun="the contact person’s name",
            required=True,
            autocomplete="name",
        ),
        Text(
            "contact_role",
            "Role or title",
            noun="the contact person’s role or title",
            autocomplete="organization-title",
        ),
        Email(
            "contact_email",
            "Email address",
            noun="the contact person’s email address",
            hint="We’ll send your confirmation to this address.",
            required=True,
            autocomplete="email",
        ),
        Phone(
            "contact_phone",
            "Phone number",
            noun="the contact person’s phone number",
            hint="You can include an extension. For a number outside the United States, start with "
            "+ and the country code.",
            autocomplete="tel",
        ),
    ),
)

programs = Step(
    "programs",
    "Your program",
    short="Program",
    why=ON_CHANGE,
    fields=(
        Choices(
            "programs",
            "Which program is this commitment part of?",
            noun="at least one program",
            hint="Select one or both.",
            required=True,
            public=True,
            options=(
                Option(
                    "police_data_initiative",
                    "Police Data Initiative",
                    "Open data that builds transparency, community trust and accountability",
                ),
                Option(
                    "opportunity_project",
                    "Opportunity Project",
                    "Open data that helps families find jobs, housing, transportation and schools",
                ),
            ),
        ),
    ),
)

involvement = Step(
    "involvement",
    "Your work with police, communities and data",
    short="Current work",
    when=ON_POLICE_DATA,
    why="This helps readers understand where you’re starting from.",
    fields=(
        Choices(
            "works_with",
            "Who or what do you work with now?",
            noun="who or what you work with",
            hint="Select all that apply.",
            required=True,
            public=True,
            exclusive="none_yet",
            options=(
                Option("law_enforcement", "Law enforcement agencies"),
                Option("community_groups", "Community groups"),
                Option("open_data", "Open data"),
                Option("none_yet", "None of these yet"),
            ),
        ),
        LongText(
            "involvement_description",
            "How do you work with them?",
            noun="how you work with them",
            required=WORKS_WITH_SOMEBODY,
            when=WORKS_WITH_SOMEBODY,
            public=True,
        ),
    ),
)

COMMITMENT_TITLE = Text(
    "commitment_title",
    "Title of your commitment",
    noun="your commitment’s title",
    hint="Sum up your commitment in one sentence. This is the first thing people will read. "
    "Examples: “Publish use-of-force reports every month, starting in March 2027” or “Map bus "
    "routes and job openings in 5 cities by June 2027.”",
    required=True,
    public=True,
    max_length=120,
)

commitment = Step(
    "commitment",
    "Your commitment",
    short="Commitment",
    why="Tell us about new steps you will take, not work you have already finished.",
    fields=(
        COMMITMENT_TITLE,
        Choices(
            "goals",
            "Which Police Data Initiative goals will it support?",
            noun="at least one goal",
            required=True,
            when=ON_POLICE_DATA,
            public=True,
            options=(
                Option("transparency", "Transparency"),
                Option("trust", "Community trust"),
                Option("accountability", "Accountability"),
            ),
        ),
        LongText(
            "commitment_description",
            "What will you do, and how will you do it?",
            noun="what you will do and how you will do it",
            hint="Be specific. For example: how you’ll help police departments share data with the "
            "public, use Opportunity Project data, offer new data, or use data to involve your "
            "community.",
            required=True,
            public=True,
        ),
    ),
)

milestones = Step(
    "milestones",
    "Milestones",
    short="Milestones",
    why="Break your commitment into steps. Write each one so anyone can tell whether you did it.",
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
            title="what",
            due="due",
            fields=(
                Text(
                    "what",
                    "What will you do?",
                    noun="what you will do",
                    required=True,
                    public=True,
                ),
                Text(
                    "measure",
                    "How will people know it’s done?",
                    noun="how people will know it’s done",
                    hint="For example: a number you will reach, or a web page people can check.",
                    required=True,
                    public=True,
                ),
                Date(
                    "due",
                    "Due date",
                    noun="the due date",
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
    "Your current police data",
    short="Current data",
    why="Every agency starts somewhere. Your answer helps others learn from you.",
    fields=(
        Choice(
            "publishes_now",
            "Do you publish any police data now?",
            noun="whether you publish any police data now",
            required=True,
            public=True,
            options=YES_NO,
        ),
        LongText(
            "current_data_description",
            "Describe your current police data",
            noun="your current police data",
            hint="Which data sets do you have? Which ones can the public see?",
            required=True,
            public=True,
        ),
        Url(
            "portal_url",
            "Link to your police data",
            noun="the web address of your data",
            hint="The web address of your data portal or web page.",
            when=Has("publishes_now", frozenset({"yes"})),
            public=True,
        ),
    ),
)

data_sets = Step(
    "data_sets",
    "Data sets you will release",
    short="Data sets",
    why="Commit to releasing at least 3 data sets about police–community interactions, such as "
    "stops, use of force or complaints. Data sets you have already released count.",
    fields=(
        Group(
            "data_sets",
            "Data sets",
            noun="at least 3 data sets",
            required=True,
            public=True,
            entry="Data set",
            entry_noun="data set",
            hint="Data sets you plan to release count too. Enter the date you expect to release "
            "each one. If you have fewer than 3, save your answers and contact us.",
            min_entries=3,
            max_entries=20,
            unique=("category", "title"),
            title="title",
            due="release_on",
            link="url",
            topic="category",
            kept="Released",
            kept_count="Released so far",
            kept_of="%(kept)s of %(total)s released",
            fields=(
                Select(
                    "category",
                    "Topic",
                    noun="a topic",
                    required=True,
                    public=True,
                    options=(
                        Option("use_of_force", "Use of force"),
                        Option("officer_involved_shootings", "Officer-involved shootings"),
                        Option("vehicle_stops", "Vehicle stops"),
                        Option("pedestrian_stops", "Pedestrian stops"),
                        Option("field_contacts", "Field contacts"),
                        Option("citations_warnings", "Citations and warnings"),
                        Option("arrests", "Arrests"),
                        Option("complaints", "Complaints and their outcomes"),
                        Option("calls_for_service", "Calls for service"),
                        Option("response_times", "Response times"),
                        Option("vehicle_pursuits", "Vehicle pursuits"),
                        Option("custody_deaths", "Deaths in custody"),
                        Option("assaults_on_officers", "Assaults on officers"),
                        Option("workforce", "Workforce demographics"),
                        Option("training", "Training"),
                        Option("community_engagement", "Community engagement"),
                        Option("crime_incidents", "Crime incidents"),
                        Option("other", "Something else"),
                    ),
                ),
                Text(
                    "category_other",
                    "Other topic",
                    noun="the other topic",
                    required=True,
                    public=True,
                    when=Has("category", frozenset({"other"})),
                ),
                Text(
                    "title",
                    "Data set name",
                    noun="the data set’s name",
                    required=True,
                    public=True,
                    max_length=120,
                ),
                Select(
                    "format",
                    "File format",
                    noun="a file format",
                    hint="Select an open format that computers can read. PDF isn’t one.",
                    required=True,
                    public=True,
                    options=(
                        Option("csv", "CSV"),
                        Option("json", "JSON"),
                        Option("geojson", "GeoJSON"),
                        Option("xml", "XML"),
                        Option("api", "API"),
                        Option("other_open", "Another open format"),
                    ),
                ),
                Choice(
                    "incident_level",
                    "Does it have one row for each incident?",
                    noun="whether it has one row for each incident",
                    required=True,
                    public=True,
                    options=YES_NO,
                ),
                Date(
                    "release_on",
                    "Release date",
                    noun="the release date",
                    hint="If you’ve already released it, enter that date.",
                    required=True,
                    public=True,
                ),
                Url(
                    "url",
                    "Link to the data set",
                    noun="the web address of the data set",
                    public=True,
                ),
            ),
        ),
    ),
)

plan = Step(
    "plan",
    "Your plan",
    short="Plan",
    why="Publishing data is the first step. People also need to find it, understand it and talk "
    "about it with you.",
    fields=(
        COMMITMENT_TITLE,
        LongText(
            "access_plan",
            "How will you make data more accessible to the public?",
            noun="how you will make data more accessible to the public",
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
    why="The community of practice is a group of agencies that share what they learn about "
    "releasing police data.",
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
            hint="Select all that apply.",
            public=True,
            exclusive="none",
            options=(
                Option("choosing_data", "Choosing what to release"),
                Option("extraction", "Getting data out of our systems"),
                Option("formats_metadata", "Formats and metadata"),
                Option("privacy", "Privacy"),
                Option("engagement", "Engaging with residents"),
                Option("none", "Nothing right now"),
            ),
        ),
        Choice(
            "delegate_is_contact",
            "Will your contact person also represent you in the community of practice?",
            noun="whether your contact person will also represent you",
            hint="Your representative attends the meetings.",
            required=True,
            options=YES_NO,
        ),
        Text(
            "delegate_name",
            "Representative’s name",
            noun="the representative’s name",
            required=True,
            when=Has("delegate_is_contact", frozenset({"no"})),
        ),
        Email(
            "delegate_email",
            "Representative’s email address",
            noun="the representative’s email address",
            required=True,
            when=Has("delegate_is_contact", frozenset({"no"})),
        ),
    ),
)

opportunity = Step(
    "opportunity",
    "The Opportunity Project",
    short="Opportunity",
    why="The Opportunity Project uses federal and local open data to help families and "
    "neighborhoods.",
    fields=(
        Choices(
            "opportunity_actions",
            "What will you do?",
            noun="at least one thing you will do",
            hint="Select all that apply.",
            required=PARTNER,
            public=True,
            options=(
                Option("use_data", "Use Opportunity Project data"),
                Option("offer_data", "Offer additional sources of data"),
                Option(
                    "deepen_engagement",
                    "Deepen community engagement",
                    "Through partnerships and user-centered design",
                ),
                Option("other", "Something else"),
            ),
        ),
        Choices(
            "opportunity_topics",
            "Which topics will it cover?",
            noun="which topics it will cover",
            public=True,
            options=(
                Option("jobs", "Jobs"),
                Option("housing", "Housing"),
                Option("transportation", "Transportation"),
                Option("schools", "Schools"),
                Option("amenities", "Other neighborhood amenities"),
            ),
        ),
        LongText(
            "opportunity_description",
            "Describe what you will do",
            noun="what you will do for the Opportunity Project",
            required=Answered("opportunity_actions"),
            when=Answered("opportunity_actions"),
            public=True,
        ),
    ),
)

publication = Step(
    "publication",
    "Publish your commitment",
    short="Publish your commitment",
    why="If you agree, we’ll add your commitment to a public list so others can learn from it.",
    fields=(
        Choice(
            "publish_consent",
            "Can we publish this commitment?",
            noun="whether we can publish this commitment",
            hint="If you select Yes, anyone can read, copy and reuse it (public domain, CC0). If "
            "you withdraw it later, a short page will still show your organization’s name and what "
            "it promised. We never publish your contact person’s or representative’s details. If "
            "you select No, only program staff will see it.",
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
            "I am authorized to make this commitment on behalf of my organization.",
            noun="that you are authorized to make this commitment",
            required=True,
        ),
    ),
)


def split_programs(
    answers: Answers, completed_steps: tuple[str, ...]
) -> tuple[Answers, tuple[str, ...]]:
    """Complete the step of the programs, which version 1 asked about on that of the commitment."""
    is_answered = "commitment" in completed_steps and answers.get("programs")
    return answers, (*completed_steps, *(("programs",) if is_answered else ()))


COMMITMENT = Flow(
    "commitment",
    version=2,
    sections=(
        Section("About your organization", (kind, organization, contact)),
        Section("Your commitment", (programs, involvement, commitment, milestones), when=PARTNER),
        Section("Your police data", (current_data, data_sets, plan, community), when=JURISDICTION),
        Section(
            "The Opportunity Project", (opportunity,), when=Either((JURISDICTION, ON_OPPORTUNITY))
        ),
        Section("Review and submit", (publication,)),
    ),
    review=review,
    branches=(
        Branch("partner", "Companies, nonprofits and community groups", PARTNER),
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
    presets={
        "opportunity": {"programs": ["opportunity_project"]},
        "police": {"programs": ["police_data_initiative"]},
        "agency": {"organization_kind": "agency"},
    },
    upgrades={1: split_programs},
    noun=Noun("commitment", "commitments"),
    reference_prefix="PDI",
    roles=Roles(
        title="commitment_title",
        party="organization_name",
        place=("city", "state"),
        link="website",
        contact="contact_email",
        consent=Has("publish_consent", frozenset({"yes"})),
        summary=("commitment_description", "access_plan"),
    ),
    facets=(
        Facet("kind", "Kind", "organization_kind", chart="By kind of organization"),
        Facet("state", "State", "state", chart="By state or territory", is_map=True),
        Facet("program", "Program"),
        Facet("category", "Data on", "data_sets.category"),
    ),
    pages=Pages(
        landing="commitment/landing.html",
        ineligible="commitment/exit.html",
        description="Make a commitment to use, share or release open data, and read what other "
        "organizations are doing.",
        footer="The Opportunity Project and the Police Data Initiative: "
        "open data for people, neighborhoods and trust.",
    ),
)
