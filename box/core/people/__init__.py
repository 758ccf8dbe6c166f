"""The people of the company: who there is, what is known of them, how they come and leave."""
