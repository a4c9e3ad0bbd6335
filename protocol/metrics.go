package protocol

import (
	"sync/atomic"

	"github.com/go-mysql-org/go-mysql/mysql"

	"cloudsql/protocol/packet"
)

// Metrics counts what a Server does. All counters only grow, but Open, which is the present number.
type Metrics struct {
	Accepted     atomic.Uint64 `counter:"sql_connections_total" help:"client connections accepted"`
	Refused      atomic.Uint64 `counter:"sql_refused_connections_total" help:"of them, turned away with 1040" status:"Connection_errors_max_connections"`
	Open         atomic.Int64  `gauge:"sql_connections" help:"client connections open, those logging in included"`
	MostOpen     atomic.Uint64 `gauge:"sql_connections_most" help:"most client connections that were open at once" status:"Max_used_connections"`
	AuthFailures atomic.Uint64 `counter:"sql_auth_failures_total" help:"log-ins refused" status:"Aborted_connects"`
	Aborted      atomic.Uint64 `counter:"sql_aborted_connections_total" help:"connections lost before they were logged in" status:"Aborted_connects"`
	Gone         atomic.Uint64 `counter:"sql_gone_clients_total" help:"clients that went away during a statement" status:"Aborted_clients"`
	Panics       atomic.Uint64 `counter:"sql_panics_total" help:"connections ended by a bug"`
	Errors       atomic.Uint64 `counter:"sql_errors_total" help:"error packets sent"`
	Traffic      packet.Traffic

	Commands commandCounts `counter:"sql_commands_total" help:"commands of the protocol by type" label:"command"`
}

// commandCounts counts commands by their type; the last counts unknown ones.
type commandCounts [len(commandNames) + 1]atomic.Uint64

// commandNames name the commands as Com_… status variables and logs do.
var commandNames = [...]string{
	mysql.COM_SLEEP: "sleep", mysql.COM_QUIT: "quit", mysql.COM_INIT_DB: "init_db", mysql.COM_QUERY: "query",
	mysql.COM_FIELD_LIST: "field_list", mysql.COM_CREATE_DB: "create_db", mysql.COM_DROP_DB: "drop_db",
	mysql.COM_REFRESH: "refresh", mysql.COM_SHUTDOWN: "shutdown", mysql.COM_STATISTICS: "statistics",
	mysql.COM_PROCESS_INFO: "process_info", mysql.COM_CONNECT: "connect", mysql.COM_PROCESS_KILL: "process_kill",
	mysql.COM_DEBUG: "debug", mysql.COM_PING: "ping", mysql.COM_TIME: "time", mysql.COM_DELAYED_INSERT: "delayed_insert",
	mysql.COM_CHANGE_USER: "change_user", mysql.COM_BINLOG_DUMP: "binlog_dump", mysql.COM_TABLE_DUMP: "table_dump",
	mysql.COM_CONNECT_OUT: "connect_out", mysql.COM_REGISTER_SLAVE: "register_replica",
	mysql.COM_STMT_PREPARE: "stmt_prepare", mysql.COM_STMT_EXECUTE: "stmt_execute",
	mysql.COM_STMT_SEND_LONG_DATA: "stmt_send_long_data", mysql.COM_STMT_CLOSE: "stmt_close",
	mysql.COM_STMT_RESET: "stmt_reset", mysql.COM_SET_OPTION: "set_option", mysql.COM_STMT_FETCH: "stmt_fetch",
	mysql.COM_DAEMON: "daemon", mysql.COM_BINLOG_DUMP_GTID: "binlog_dump_gtid",
	mysql.COM_RESET_CONNECTION: "reset_connection",
}

// count counts one command.
func (c *commandCounts) count(command byte) { c[min(int(command), len(commandNames))].Add(1) }

// Of gives how many commands of a type came, e.g. mysql.COM_QUERY.
func (c *commandCounts) Of(command byte) uint64 {
	return c[min(int(command), len(commandNames))].Load()
}

// EachLabel implements metric.Labelled for the commands that came at least once; those of no known type are "unknown".
func (c *commandCounts) EachLabel(visit func(name string, n any)) {
	for i := range c {
		n := c[i].Load()
		switch {
		case n == 0:
		case i < len(commandNames):
			visit(commandNames[i], n)
		default:
			visit("unknown", n)
		}
	}
}
