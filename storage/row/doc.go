// Package row encodes a table's rows by column id, so that a row written under one version of the descriptor reads
// under any later one.
//
//	row    = version(1)=1  flags(1)  n(uvarint)  ids  nulls  ends  data
//	ids    = n column ids, rising, as differences (uvarint each)
//	nulls  = one bit a column, (n+7)/8 bytes
//	ends   = end offset of each column in data: 2 bytes little endian each, 4 when flags has wide
//	data   = the values one after the other, in id order
//
// A value's bytes depend on its column's type class alone: integers, dates and times in their shortest little-endian
// form (signed ones zigzag first), doubles in 8 bytes, decimals as scale and zigzag digits (or sign and digits as text
// beyond 18), everything else as it is.
//
// Invariants: Decode reads only the columns it was made for and copies nothing; decoding never panics on corrupt bytes;
// equal rows have equal encodings.
package row
