package show

import (
	"context"
	_ "embed"
	"slices"
	"strings"
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"

	"cloudsql/sql/show/virtual"
	"cloudsql/storage/collation"
	"cloudsql/storage/types"
)

const masterStatusColumns = `File varchar(255) !
Position bigint unsigned !
Binlog_Do_DB varchar(255) !
Binlog_Ignore_DB varchar(255) !
Executed_Gtid_Set longtext !`

const replicaStatusColumns = `Replica_IO_State varchar(14) !
Source_Host char(60) !
Source_User char(32) !
Source_Port int unsigned !
Connect_Retry int !
Source_Log_File varchar(512) !
Read_Source_Log_Pos bigint !
Relay_Log_File varchar(512) !
Relay_Log_Pos bigint !
Relay_Source_Log_File varchar(512) !
Replica_IO_Running varchar(3) !
Replica_SQL_Running varchar(3) !
Replicate_Do_DB varchar(20) !
Replicate_Ignore_DB varchar(20) !
Replicate_Do_Table varchar(20) !
Replicate_Ignore_Table varchar(23) !
Replicate_Wild_Do_Table varchar(24) !
Replicate_Wild_Ignore_Table varchar(28) !
Last_Errno int !
Last_Error varchar(20) !
Skip_Counter int unsigned !
Exec_Source_Log_Pos bigint !
Relay_Log_Space bigint !
Until_Condition varchar(6) !
Until_Log_File varchar(512) !
Until_Log_Pos bigint !
Source_SSL_Allowed varchar(7) !
Source_SSL_CA_File varchar(512) !
Source_SSL_CA_Path varchar(512) !
Source_SSL_Cert varchar(512) !
Source_SSL_Cipher varchar(512) !
Source_SSL_Key varchar(512) !
Seconds_Behind_Source bigint
Source_SSL_Verify_Server_Cert varchar(3) !
Last_IO_Errno int !
Last_IO_Error varchar(20) !
Last_SQL_Errno int !
Last_SQL_Error varchar(20) !
Replicate_Ignore_Server_Ids varchar(512) !
Source_Server_Id int unsigned !
Source_UUID varchar(36) !
Source_Info_File varchar(1024) !
SQL_Delay int !
SQL_Remaining_Delay int
Replica_SQL_Running_State longtext !
Source_Retry_Count bigint !
Source_Bind varchar(60) !
Last_IO_Error_Timestamp varchar(20) !
Last_SQL_Error_Timestamp varchar(20) !
Source_SSL_Crl varchar(512) !
Source_SSL_Crlpath varchar(512) !
Retrieved_Gtid_Set longtext !
Executed_Gtid_Set longtext !
Auto_Position int !
Replicate_Rewrite_DB varchar(24) !
Channel_Name varchar(64) !
Source_TLS_Version varchar(512) !
Source_public_key_path varchar(512) !
Get_Source_public_key int !
Network_Namespace varchar(64) !`

// The things that MySQL has and this server has none of, and whose lists are empty.

func showEvents(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	if _, err := virtual.FindDatabase(c, stmt.DBName); err != nil {
		return nil, err
	}
	return newResult("Db varchar(64) bin !\nName varchar(64) !\nDefiner varchar(288) bin !\n`Time zone` varchar(64) bin !\n" +
		"Type varchar(9) !\n`Execute at` datetime\n`Interval value` varchar(256)\n`Interval field` varchar(18)\n" +
		"Starts datetime\nEnds datetime\nStatus varchar(21) bin !\nOriginator int unsigned !\n" + routineCharsets), nil
}

const routineCharsets = "character_set_client varchar(64) !\ncollation_connection varchar(64) !\n" +
	"`Database Collation` varchar(64) !"

func showTriggers(_ context.Context, c virtual.Context, stmt *ast.ShowStmt) (*Result, error) {
	if _, err := virtual.FindDatabase(c, stmt.DBName); err != nil {
		return nil, err
	}
	return newResult("Trigger varchar(64) !\nEvent enum('INSERT','UPDATE','DELETE') bin !\nTable varchar(64) bin !\n" +
		"Statement longtext bin !\nTiming enum('BEFORE','AFTER') bin !\nCreated timestamp(2) !\nsql_mode longtext bin !\n" +
		"Definer varchar(288) bin !\n" + routineCharsets), nil
}

func showRoutines(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	return newResult("Db varchar(64) bin !\nName varchar(64) !\nType enum('FUNCTION','PROCEDURE') bin !\n" +
		"Definer varchar(288) bin !\nModified timestamp !\nCreated timestamp !\n" +
		"Security_type enum('DEFAULT','INVOKER','DEFINER') bin !\nComment text bin !\n" + routineCharsets), nil
}

// engines has the one engine under the name that applications ask for.
var engines = []types.Value{
	types.Str("InnoDB"), types.Str("DEFAULT"), types.Str("Replicated tables with transactions and row-level locking"),
	types.Str("YES"), types.Str("NO"), types.Str("YES"),
}

func infoEngines(s *virtual.Scan) error { return s.Row(slices.Clone(engines)...) }

func showEngines(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	r := newResult("Engine varchar(64) !\nSupport varchar(8) !\nComment varchar(80) !\nTransactions varchar(3)\n" +
		"XA varchar(3)\nSavepoints varchar(3)")
	r.add(slices.Clone(engines)...)
	return r, nil
}

// charsetDescriptions are MySQL's.
var charsetDescriptions = map[string]string{
	"ascii": "US ASCII", "binary": "Binary pseudo charset", "cp1250": "Windows Central European",
	"cp1251": "Windows Cyrillic",
	"cp1256": "Windows Arabic", "cp1257": "Windows Baltic", "cp850": "DOS West European", "cp852": "DOS Central European",
	"cp866": "DOS Russian", "cp932": "SJIS for Windows Japanese", "dec8": "DEC West European",
	"eucjpms": "UJIS for Windows Japanese", "euckr": "EUC-KR Korean", "gb18030": "China National Standard GB18030",
	"gb2312": "GB2312 Simplified Chinese", "gbk": "GBK Simplified Chinese", "geostd8": "GEOSTD8 Georgian",
	"greek": "ISO 8859-7 Greek", "hebrew": "ISO 8859-8 Hebrew", "hp8": "HP West European",
	"keybcs2": "DOS Kamenicky Czech-Slovak",
	"koi8r":   "KOI8-R Relcom Russian", "koi8u": "KOI8-U Ukrainian", "latin1": "cp1252 West European",
	"latin2": "ISO 8859-2 Central European", "latin5": "ISO 8859-9 Turkish", "latin7": "ISO 8859-13 Baltic",
	"macce": "Mac Central European", "macroman": "Mac West European", "sjis": "Shift-JIS Japanese", "swe7": "7bit Swedish",
	"tis620": "TIS620 Thai", "ucs2": "UCS-2 Unicode", "ujis": "EUC-JP Japanese", "utf16": "UTF-16 Unicode",
	"utf16le": "UTF-16LE Unicode", "utf32": "UTF-32 Unicode", "utf8mb3": "UTF-8 Unicode", "utf8mb4": "UTF-8 Unicode",
	"armscii8": "ARMSCII-8 Armenian", "big5": "Big5 Traditional Chinese",
}

// charsets lists the default collation of each character set, in order of the set's name.
func charsets() []collation.ID {
	var list []collation.ID
	for _, c := range collation.All() {
		if isDefaultCollation(c) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b collation.ID) int { return strings.Compare(a.Charset(), b.Charset()) })
	return list
}

func infoCharsets(s *virtual.Scan) error {
	for _, c := range charsets() {
		err := s.Row(types.Str(c.Charset()), types.Str(c.Name()), types.Str(charsetDescriptions[c.Charset()]),
			virtual.Num(c.MaxBytes()))
		if err != nil {
			return err
		}
	}
	return nil
}

func showCharsets(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	r := newResult("Charset varchar(64) !\nDescription varchar(2048) !\n`Default collation` varchar(64) !\nMaxlen int unsigned !")
	for _, c := range charsets() {
		r.add(types.Str(c.Charset()), types.Str(charsetDescriptions[c.Charset()]), types.Str(c.Name()),
			virtual.Num(c.MaxBytes()))
	}
	return r, nil
}

// collations lists all in order of name.
func collations() []collation.ID {
	list := collation.All()
	slices.SortFunc(list, func(a, b collation.ID) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func collationRow(c collation.ID) []types.Value {
	isDefault, pad := "", "NO PAD"
	if isDefaultCollation(c) {
		isDefault = "Yes"
	}
	if c.PadSpace() {
		pad = "PAD SPACE"
	}
	if c == collation.Binary {
		pad = "NO PAD"
	}
	return []types.Value{types.Str(c.Name()), types.Str(c.Charset()), virtual.Num(uint64(c)), types.Str(isDefault),
		types.Str("Yes"), virtual.Num(sortLength(c)), types.Str(pad)}
}

// sortLength is SORTLEN: how much memory sorting takes for a character.
func sortLength(c collation.ID) int {
	name := c.Name()
	switch {
	case name == "utf8mb4_0900_bin":
		return 1
	case name == "utf8mb4_ja_0900_as_cs_ks":
		return 24
	case strings.Contains(name, "_0900_"):
		return 0
	case strings.HasSuffix(name, "_bin"), strings.HasSuffix(name, "_general_ci"),
		strings.HasSuffix(name, "_general_mysql500_ci"):
		return 1
	case name == "gb18030_chinese_ci":
		return 2
	case name == "cp1250_czech_cs", name == "latin1_german2_ci":
		return 2
	case name == "latin2_czech_cs", name == "tis620_thai_ci":
		return 4
	case c.MaxBytes() >= 3 && c.Charset() != "ujis" && c.Charset() != "eucjpms", c.Charset() == "ucs2":
		return 8 // those on Unicode weights
	}
	return 1
}

func infoCollations(s *virtual.Scan) error {
	for _, c := range collations() {
		if err := s.Row(collationRow(c)...); err != nil {
			return err
		}
	}
	return nil
}

func infoApplicability(s *virtual.Scan) error {
	for _, c := range collations() {
		if err := s.Row(types.Str(c.Name()), types.Str(c.Charset())); err != nil {
			return err
		}
	}
	return nil
}

func showCollations(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	r := newResult("Collation varchar(64) !\nCharset varchar(64) !\nId bigint unsigned !\nDefault varchar(3) !\n" +
		"Compiled varchar(3) !\nSortlen int unsigned !\nPad_attribute enum('PAD SPACE','NO PAD') bin !")
	for _, c := range collations() {
		r.add(collationRow(c)...)
	}
	return r, nil
}

// plugins are the parts that MySQL has as plugins and clients look for.
var plugins = []struct{ name, kind, description string }{
	{"mysql_native_password", "AUTHENTICATION", "Native MySQL authentication"},
	{"caching_sha2_password", "AUTHENTICATION", "Caching sha2 authentication"},
	{"InnoDB", "STORAGE ENGINE", "Replicated tables with transactions and row-level locking"},
}

func infoPlugins(s *virtual.Scan) error {
	for _, p := range plugins {
		err := s.Row(types.Str(p.name), types.Str("1.0"), types.Str("ACTIVE"), types.Str(p.kind), types.Str("1.0"),
			types.Null, types.Null, types.Str("cloudsql"),
			types.Str(p.description), types.Str("Apache-2.0"), types.Str("FORCE"))
		if err != nil {
			return err
		}
	}
	return nil
}

func showPlugins(context.Context, virtual.Context, *ast.ShowStmt) (*Result, error) {
	r := newResult("Name varchar(64) !\nStatus varchar(10) !\nType varchar(80) !\nLibrary varchar(64)\nLicense varchar(80)")
	for _, p := range plugins {
		r.add(types.Str(p.name), types.Str("ACTIVE"), types.Str(p.kind), types.Null, types.Str("Apache-2.0"))
	}
	return r, nil
}

//go:embed keywords.txt
var keywords string

// infoKeywords has the words of MySQL's grammar, not those of the parser that reads statements here.
func infoKeywords(s *virtual.Scan) error {
	_, words, _ := strings.Cut(keywords, "\n") // behind the comment
	for _, word := range strings.Fields(words) {
		plain, reserved := strings.CutSuffix(word, "*")
		flag := 0
		if reserved {
			flag = 1
		}
		if err := s.Row(types.Str(plain), virtual.Num(flag)); err != nil {
			return err
		}
	}
	return nil
}

// reservedWords are the words that need quotes as names, in upper case.
var reservedWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for _, k := range parser.Keywords {
		if k.Reserved {
			words[k.Word] = true
		}
	}
	return words
})

func infoResourceGroups(s *virtual.Scan) error {
	for _, g := range []struct{ name, kind string }{{"USR_default", "USER"}, {"SYS_default", "SYSTEM"}} {
		if err := s.Row(types.Str(g.name), types.Str(g.kind), virtual.Num(1), types.Null, virtual.Num(0)); err != nil {
			return err
		}
	}
	return nil
}
