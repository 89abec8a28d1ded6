*
SquaredL2Distance:"