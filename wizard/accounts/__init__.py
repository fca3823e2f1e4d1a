"""Staff accounts: sign-in, roles, tokens and the audit log.

Its views and those of `staff` share one blueprint (`permissions.bp`), which `staff` registers.
"""

from . import admin_views, people_views, views

__all__ = ["admin_views", "people_views", "views"]
