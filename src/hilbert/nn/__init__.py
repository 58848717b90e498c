"""The network, document vectors and logistic regression, without any input or output."""
