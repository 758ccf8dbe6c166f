"""Tables and address books that become leads, deals, contacts and companies: see `box.core.imports`.

What is there already is found by telephone, e-mail, tax number or a name that sounds the same, whichever of
these whoever imports has chosen; only what they may see is compared with. Clients that a row names are found
or made along. Responsible people, stages and clients of what is there stay.
"""
