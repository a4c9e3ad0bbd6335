// Package keys encodes rows' key columns so that bytes order as SQL orders the values.
//
//	key      = shard(4, big endian) tablet(4) index(2) column… [primary key column…]
//	version  = key + inverted commit timestamp (8), added by package mvcc
//
//	column   = 0x00                                NULL, before everything
//	         | 0x01 sort key, escaped 0x00 0x01    strings (collation weights), doubles (8 bytes), JSON
//	         | 0x14-n  n inverted bytes            negative integers of n = 1…8 bytes
//	         | 0x14                                zero
//	         | 0x14+n  n bytes, big endian         positive integers of n = 1…8 bytes
//	         | 0x0b | 0x1d  length, bytes          integers beyond 8 bytes (DECIMAL with many digits)
//
// All integer-like values (integers, dates, times, ENUM, SET, BIT, DECIMAL scaled to its column) share the integer form,
// so small numbers make short keys. A descending column has all its bytes inverted.
//
// The primary index's entry is the row itself. A secondary entry's key ends in the primary key, unless the index is
// unique and none of its columns is NULL; then the value holds the primary key.
//
// Invariants: encoding is self-delimiting column by column; comparing encodings as bytes orders as comparing the values
// with types.CompareSame does; equal values have equal encodings.
package keys
