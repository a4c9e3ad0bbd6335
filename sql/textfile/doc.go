// Package textfile is what statements have to do with files of the node: LOAD DATA INFILE, SELECT … INTO OUTFILE and DUMPFILE, LOAD_FILE.
//
// Invariants: a file is one below secure_file_priv, named by an absolute name or one relative to it. The directory is opened as a root, so
// that no symbolic link leads out of it, now or later. No file is written over, and none is left of a query that fails.
package textfile
