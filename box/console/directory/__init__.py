"""The company's directories: connecting, mapping, looking before anything is written, what was done."""
