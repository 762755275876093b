"""From the gradebook to people: tables, reasons, progress, feedback pages."""
