"""Rules turned round, one at a time: which of them would no test miss? (`make mutants`)"""
