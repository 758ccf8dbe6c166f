"""Lists of anything: columns, filters in the address, saved views, pages by key, bulk actions, export."""
