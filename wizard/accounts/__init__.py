"""Who may enter the staff side, and what each role may do there.

Its views and those of `staff` share one blueprint (`permissions.bp`), which `staff` registers.
"""

from . import admin_views, views

__all__ = ["admin_views", "views"]
