*
DotProductDistance:"