package protocol

import (
	"sync/atomic"

	"github.com/pingcap/tidb/pkg/parser/mysql"

	"cloudsql/protocol/packet"
)

// Metrics counts what a Server does. All counters only grow, but Open, which is the present number.
type Metrics struct {
	Accepted     atomic.Uint64 // connections accepted
	Refused      atomic.Uint64 // … turned away with 1040
	Open         atomic.Int64  // … open now, those logging in included
	AuthFailures atomic.Uint64 // log-ins refused
	Aborted      atomic.Uint64 // connections lost before they were logged in
	Gone         atomic.Uint64 // clients that went away during a statement
	Panics       atomic.Uint64 // connections ended by a bug
	Errors       atomic.Uint64 // error packets sent
	Traffic      packet.Traffic

	commands [len(commandNames) + 1]atomic.Uint64 // the last counts unknown ones
}

// commandNames name the commands as Com_… status variables and logs do.
var commandNames = [...]string{
	mysql.ComSleep: "sleep", mysql.ComQuit: "quit", mysql.ComInitDB: "init_db", mysql.ComQuery: "query",
	mysql.ComFieldList: "field_list", mysql.ComCreateDB: "create_db", mysql.ComDropDB: "drop_db",
	mysql.ComRefresh: "refresh", mysql.ComShutdown: "shutdown", mysql.ComStatistics: "statistics",
	mysql.ComProcessInfo: "process_info", mysql.ComConnect: "connect", mysql.ComProcessKill: "process_kill",
	mysql.ComDebug: "debug", mysql.ComPing: "ping", mysql.ComTime: "time", mysql.ComDelayedInsert: "delayed_insert",
	mysql.ComChangeUser: "change_user", mysql.ComBinlogDump: "binlog_dump", mysql.ComTableDump: "table_dump",
	mysql.ComConnectOut: "connect_out", mysql.ComRegisterSlave: "register_replica",
	mysql.ComStmtPrepare: "stmt_prepare", mysql.ComStmtExecute: "stmt_execute",
	mysql.ComStmtSendLongData: "stmt_send_long_data", mysql.ComStmtClose: "stmt_close",
	mysql.ComStmtReset: "stmt_reset", mysql.ComSetOption: "set_option", mysql.ComStmtFetch: "stmt_fetch",
	mysql.ComDaemon: "daemon", mysql.ComBinlogDumpGtid: "binlog_dump_gtid",
	mysql.ComResetConnection: "reset_connection",
}

// count counts one command.
func (m *Metrics) count(command byte) {
	m.commands[min(int(command), len(commandNames))].Add(1)
}

// Commands gives how many commands of a type came, e.g. mysql.ComQuery.
func (m *Metrics) Commands(command byte) uint64 {
	return m.commands[min(int(command), len(commandNames))].Load()
}

// EachCommand visits the commands that came at least once, by name; those of no known type are "unknown".
func (m *Metrics) EachCommand(visit func(name string, n uint64)) {
	for i := range m.commands {
		n := m.commands[i].Load()
		switch {
		case n == 0:
		case i < len(commandNames):
			visit(commandNames[i], n)
		default:
			visit("unknown", n)
		}
	}
}
