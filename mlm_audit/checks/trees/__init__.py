"""The checks of the sponsor tree, the matrix, its closure and the eligibility flags: arrays in, issues out."""
