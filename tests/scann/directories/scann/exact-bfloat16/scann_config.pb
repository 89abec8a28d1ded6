*
SquaredL2Distance:*