"""Lighthouse on the pages that many see first: `make lighthouse` prints its scores.

The program serves htmx itself here, since Lighthouse reaches no CDN.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import MODULES, SYSTEM_BROWSERS, launch, serve_htmx
from tests.browser.pages import walk
from tests.browser.screenshots import fill
from tests.browser.test_journeys import STEPS
from tests.conftest import load_case, migrate
from tests.server import serving

CATEGORIES = ("accessibility", "best-practices", "seo", "performance")
LEAST = {"mobile": (1.0, 1.0, 1.0, 0.98), "desktop": (1.0, 1.0, 1.0, 1.0)}
