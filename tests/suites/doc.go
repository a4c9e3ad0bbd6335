// Package suites runs other people's test files, in the language of mysqltest, on two servers at once, and counts the statements
// that both answer alike. The files are data that is not part of this project: Debian's mariadb-test-data has MariaDB's, and MySQL's
// have the same language.
//
//	make suites SUITE=/usr/share/mysql/mysql-test/main REFERENCE='root@unix(/run/mysqld/mysqld.sock)/' [FILES=join]
//
// Only the statements are taken from a file, not the answers that it expects: the reference answers. A statement agrees if both give the
// same rows (in any order, unless it says ORDER BY) under the same headings, or the same error number, or succeed without rows. Where the
// reference is MariaDB, much that differs is due to what MariaDB does otherwise than MySQL 8.0, and more follows from it: the tables that were not
// made. So each difference has a class (classify.go, classes.txt), and what follows from a statement has that statement's: ours, MariaDB's, or that of
// an issue to come. The share that agrees is told of all, and without these two. The results are kept (REPORT.json), so that classes can be refined
// without another run: RESULTS='…/*.json' go test -run TestClasses -v ./tests/suites.
//
// # Invariants
//
//   - A file starts in an empty database test on both, with the same settings of the session, and leaves nothing behind.
//   - A statement that takes longer than a limit, or loses its connection, is counted as such, and the file goes on with new connections on both.
//   - A command that can't be followed ends its file; what is left of it is not counted.
//   - CREATE OR REPLACE TABLE, SET STATEMENT … FOR and GRANT that makes accounts are given to the tested server in MySQL's words, for much would
//     follow from their refusal.
package suites
