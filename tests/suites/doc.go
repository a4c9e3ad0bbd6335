// Package suites runs other people's test files, in the language of mysqltest, on two servers at once, and counts the statements
// that both answer alike. The files are data that is not part of this project: Debian's mariadb-test-data has MariaDB's, and MySQL's
// have the same language.
//
//	make suites SUITE=/usr/share/mysql/mysql-test/main REFERENCE='root@unix(/run/mysqld/mysqld.sock)/' [FILES=join]
//
// Only the statements are taken from a file, not the answers that it expects: the reference answers. A statement agrees if both give the
// same rows (in any order, unless it says ORDER BY) under the same headings, or the same error number, or succeed without rows. Where the
// reference is MariaDB, a share of less than 1 is due to what MariaDB does otherwise than MySQL 8.0; the report is for finding what is not.
//
// # Invariants
//
//   - A file starts in an empty database test on both, with the same settings of the session, and leaves nothing behind.
//   - A statement that takes longer than a limit, or a command that can't be followed, ends its file; what is left of it is not counted.
package suites
