"""Pictures and pages of reports."""
