"""Texts as Bitrix24 writes them: read into HTML of people, and written of it."""
