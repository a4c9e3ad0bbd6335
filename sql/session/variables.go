package session

import (
	"runtime"
	"strconv"
	"time"

	"cloudsql/sql/sysvar"
	"cloudsql/storage/collation"
)

// liveVar is the value of a variable that is shown and not set.
func (s variables) liveVar(name string) string {
	e := s.eng
	switch name {
	case "character_set_database":
		return s.databaseCollation().Charset()
	case "collation_database":
		return s.databaseCollation().Name()
	case "warning_count":
		return strconv.Itoa(s.conds.PreviousCount())
	case "error_count":
		return strconv.Itoa(s.conds.PreviousErrors())
	case "pseudo_thread_id":
		return strconv.FormatUint(s.ConnectionID(), 10)
	case "version":
		return e.ServerVersion()
	case "version_comment":
		return e.cfg.VersionComment
	case "version_compile_os":
		return runtime.GOOS
	case "version_compile_machine":
		return sysvar.CompileMachine()
	case "cloudsql_history_ms":
		return strconv.FormatInt(e.cfg.History.Milliseconds(), 10)
	case "cloudsql_cluster_version":
		return e.db.Catalog().ClusterVersion().Active.Or1().String()
	case "hostname":
		return e.cfg.Hostname
	case "port":
		return strconv.Itoa(e.cfg.Port)
	case "secure_file_priv":
		return e.cfg.FileDir
	case "datadir":
		return e.cfg.DataDir
	case "server_id":
		return strconv.FormatUint(uint64(e.db.NodeID()), 10)
	case "server_uuid":
		return e.uuid()
	case "system_time_zone":
		return sysvar.SystemZoneName()
	case "have_ssl", "have_openssl":
		if e.cfg.TLS {
			return "YES"
		}
		return "DISABLED"
	}
	panic("session: nobody knows the value of " + name)
}

// setVar gives a variable a value in this session, and has the session follow it.
func (s variables) setVar(v *sysvar.Variable, text string) {
	s.vars.Set(v, text)
	switch v.Name {
	case "innodb_lock_wait_timeout":
		s.tx.FollowLockWait()
	case "cloudsql_read_staleness_ms":
		s.tx.Past().SetBound(s.vars.Staleness)
	}
}

// Charsets tells the protocol in what the client talks.
func (s *Session) Charsets() (client, results collation.ID) {
	return s.vars.ClientCharset, s.vars.ResultsCharset
}

// greetedCharset is what the client asked for while logging in; the default, as in MySQL, where it cannot talk in that.
func (s variables) greetedCharset() collation.ID {
	c := s.conn.Collation
	if !c.Valid() || sysvar.IsWide(c) {
		return collation.Default
	}
	return c
}

// WaitTimeout is how long the protocol lets the connection idle.
func (s *Session) WaitTimeout() time.Duration { return s.vars.WaitTimeout }

// NetTimeouts are how long the protocol waits for the rest of a packet, and for a client that takes no more of a result.
func (s *Session) NetTimeouts() (read, write time.Duration) { return s.vars.NetRead, s.vars.NetWrite }

// databaseCollation is that of the current database.
func (s variables) databaseCollation() collation.ID {
	if d, ok := s.eng.db.Catalog().Database(s.db); ok {
		return d.Collation
	}
	return s.vars.ServerCollation()
}
