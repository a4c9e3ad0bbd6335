// Package monitor makes the virtual tables that tell of what runs: sessions and their transactions, row locks and metadata
// locks, statements by digest, memory, nodes and shards; and the text of SHOW ENGINE INNODB STATUS.
//
// What is told is a picture of about one moment, put together from all live nodes: a session may have ended, or a lock
// been given, between two lines of it. Invariants: what concerns other accounts is only for those that may see all
// sessions (PROCESS); nothing here changes anything.
package monitor
