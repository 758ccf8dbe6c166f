"""A boxed portal of Bitrix24: its dump, as mysqldump writes it, with the upload folder.

Written from public descriptions of the tables and of the format, and not from what reads them.
"""
