"""From one machine to many: which nodes there are, what each runs, and how many are needed.

Engines do what is hard: etcd agrees, Patroni elects and replicates, HAProxy leads there. Here stand the
decisions, the words they are told in, and the files that the engines read.
"""
