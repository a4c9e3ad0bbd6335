package mysqlerr

import "github.com/pingcap/tidb/pkg/parser/mysql"

// Codes of MySQL 8.0 that the parser's table lacks.
const (
	UserLockWrongName            = 3057 // ER_USER_LOCK_WRONG_NAME
	UserLockDeadlock             = 3058 // ER_USER_LOCK_DEADLOCK
	FieldInOrderNotSelect        = 3065 // ER_FIELD_IN_ORDER_NOT_SELECT
	InvalidJSONValueForCast      = 3156 // ER_INVALID_JSON_VALUE_FOR_CAST
	CapacityExceeded             = 3170 // ER_CAPACITY_EXCEEDED
	NoSystemTableAccess          = 3554 // ER_NO_SYSTEM_TABLE_ACCESS
	UnresolvedTableLock          = 3568 // ER_UNRESOLVED_TABLE_LOCK
	DuplicateTableLock           = 3569 // ER_DUPLICATE_TABLE_LOCK
	CTEMaxRecursionDepth         = 3636 // ER_CTE_MAX_RECURSION_DEPTH
	RegexpIllegalArgument        = 3685 // ER_REGEXP_ILLEGAL_ARGUMENT
	RegexpIndexOutOfBounds       = 3686 // ER_REGEXP_INDEX_OUTOFBOUNDS_ERROR
	RegexpRuleSyntax             = 3688 // ER_REGEXP_RULE_SYNTAX
	RegexpBadEscape              = 3689 // ER_REGEXP_BAD_ESCAPE_SEQUENCE
	RegexpMismatchedParen        = 3691 // ER_REGEXP_MISMATCHED_PAREN
	RegexpMissingCloseBracket    = 3696 // ER_REGEXP_MISSING_CLOSE_BRACKET
	RegexpTimeOut                = 3699 // ER_REGEXP_TIME_OUT
	CannotDropTableWithFK        = 3730 // ER_FK_CANNOT_DROP_PARENT
	FKNoColumnParent             = 3734 // ER_FK_NO_COLUMN_PARENT
	TableWithoutPK               = 3750 // ER_TABLE_WITHOUT_PK
	DefaultFunctionNotAllowed    = 3770 // ER_DEFAULT_VAL_GENERATED_NAMED_FUNCTION_IS_NOT_ALLOWED
	CheckNotBoolean              = 3812 // ER_NON_BOOLEAN_EXPR_FOR_CHECK_CONSTRAINT
	CheckRefersOtherColumn       = 3813 // ER_COLUMN_CHECK_CONSTRAINT_REFERENCES_OTHER_COLUMN
	CheckNamedFunctionNotAllowed = 3814 // ER_CHECK_CONSTRAINT_NAMED_FUNCTION_IS_NOT_ALLOWED
	CheckViolated                = 3819 // ER_CHECK_CONSTRAINT_VIOLATED
	CheckRefersUnknownColumn     = 3820 // ER_CHECK_CONSTRAINT_REFERS_UNKNOWN_COLUMN
	CheckNotFound                = 3821 // ER_CHECK_CONSTRAINT_NOT_FOUND
	CheckDuplicateName           = 3822 // ER_CHECK_CONSTRAINT_DUP_NAME
	ConstraintNotFound           = 3940 // ER_CONSTRAINT_NOT_FOUND
	LocalInfileDisabled          = 3948 // ER_CLIENT_LOCAL_FILES_DISABLED
	ColumnUsedByCheck            = 3959 // ER_DEPENDENT_BY_CHECK_CONSTRAINT
	ClientInteractionTimeout     = 4031 // ER_CLIENT_INTERACTION_TIMEOUT
)

// templates holds MySQL 8.0's wording where the parser's table lacks a code or differs from it; the verbs say which
// arguments New takes.
var templates = map[uint16]string{
	mysql.ErrCantCreateTable:     "Can't create table '%s' (errno: %d - %s)",
	mysql.ErrBadTable:            "Unknown table '%-.129s'",
	mysql.ErrDupEntry:            "Duplicate entry '%-.64s' for key '%-.385s'",
	mysql.ErrTooLongKey:          "Specified key was too long; max key length is %d bytes",
	mysql.ErrBlobCantHaveDefault: "BLOB, TEXT, GEOMETRY or JSON column '%-.192s' can't have a default value",
	mysql.ErrTooBigSelect: "The SELECT would examine more than MAX_JOIN_SIZE rows; check your WHERE and use SET " +
		"SQL_BIG_SELECTS=1 or SET MAX_JOIN_SIZE=# if the SELECT is okay",
	mysql.ErrMixOfGroupFuncAndFields: "In aggregated query without GROUP BY, expression #%d of %s contains nonaggregated column '%s'; " +
		"this is incompatible with sql_mode=only_full_group_by",
	mysql.ErrTooLongString:                "Result string is longer than 'max_allowed_packet' bytes",
	mysql.ErrTableCantHandleAutoIncrement: "The used table type doesn't support AUTO_INCREMENT columns",
	mysql.ErrTooManyUserConnections:       "User %-.64s already has more than 'max_user_connections' active connections",
	mysql.ErrNotSupportedYet:              "This version of cloudsql doesn't yet support '%s'",
	mysql.ErrCutValueGroupConcat:          "Row %d was cut by GROUP_CONCAT()",
	mysql.ErrViewWrongList: "In definition of view, derived table or common table expression, SELECT list and column names list have " +
		"different column counts",
	mysql.ErrRowIsReferenced2:            "Cannot delete or update a parent row: a foreign key constraint fails (%s)",
	mysql.ErrNoReferencedRow2:            "Cannot add or update a child row: a foreign key constraint fails (%s)",
	mysql.ErrMaxPreparedStmtCountReached: "Can't create more than max_prepared_stmt_count statements (current value: %d)",
	mysql.ErrUniqueKeyNeedAllFieldsInPf: "A %-.192s must include all columns in the table's partitioning function (prefixed columns " +
		"are not considered).",
	mysql.ErrDupEntryWithKeyName: "Duplicate entry '%-.64s' for key '%-.385s'",
	mysql.ErrMustChangePassword: "You must reset your password using ALTER USER statement before executing this " +
		"statement.",
	UserLockWrongName: "Incorrect user-level lock name '%s'.",
	UserLockDeadlock: "Deadlock found when trying to get user-level lock; try rolling back transaction/releasing locks and " +
		"restarting lock acquisition.",
	FieldInOrderNotSelect: "Expression #%d of %s is not in SELECT list, references column '%s' which is not in SELECT " +
		"list; this is incompatible with %s",
	mysql.ErrInvalidJSONText: "Invalid JSON text: \"%s\" at position %d in value for column '%-.200s'.",
	mysql.ErrInvalidJSONPath: "Invalid JSON path expression. The error is around character position %d.",
	mysql.ErrJSONUsedAsKey: "JSON column '%-.192s' supports indexing only via generated columns on a specified JSON " +
		"path.",
	InvalidJSONValueForCast:             "Invalid JSON value for CAST to %s from column %s at row %d",
	3162:                                "Authorization ID %s does not exist.",
	3163:                                "Authorization ID %s already exists.",
	CapacityExceeded:                    "Memory capacity of %d bytes for '%s' exceeded. %s",
	NoSystemTableAccess:                 "Access to %s '%s' is rejected.",
	UnresolvedTableLock:                 "Unresolved table name `%s` in locking clause.",
	DuplicateTableLock:                  "Table `%s` appears in multiple locking clauses.",
	mysql.ErrWindowInvalidWindowFuncUse: "You cannot use the window function '%s' in this context.",
	mysql.ErrWindowInvalidWindowFuncAliasUse: "You cannot use the alias '%s' of an expression containing a window function in this " +
		"context.",
	CTEMaxRecursionDepth: "Recursive query aborted after %d iterations. Try increasing @@cte_max_recursion_depth to " +
		"a larger value.",
	RegexpIllegalArgument:     "Illegal argument to a regular expression.",
	RegexpIndexOutOfBounds:    "Index out of bounds in regular expression search.",
	RegexpRuleSyntax:          "Syntax error in regular expression on line %d, character %d.",
	RegexpBadEscape:           "Unrecognized escape sequence in regular expression.",
	RegexpMismatchedParen:     "Mismatched parenthesis in regular expression.",
	RegexpMissingCloseBracket: "The regular expression contains an unclosed bracket expression.",
	RegexpTimeOut:             "Timeout exceeded in regular expression match.",
	CannotDropTableWithFK:     "Cannot drop table '%s' referenced by a foreign key constraint '%s' on table '%s'.",
	FKNoColumnParent: "Failed to add the foreign key constraint. Missing column '%s' for constraint '%s' in the " +
		"referenced table '%s'",
	TableWithoutPK: "Unable to create or change a table without a primary key, when the system variable 'sql_require_primary_key' is set. " +
		"Add a primary key to the table or unset this variable to avoid this message. Note that tables without a primary key can " +
		"cause performance problems in row-based replication, so please consult your DBA before changing this setting.",
	DefaultFunctionNotAllowed:    "Default value expression of column '%s' contains a disallowed function: %s.",
	CheckNotBoolean:              "An expression of non-boolean type specified to a check constraint '%s'.",
	CheckRefersOtherColumn:       "Column check constraint '%s' references other column.",
	CheckNamedFunctionNotAllowed: "An expression of a check constraint '%s' contains disallowed function: %s.",
	CheckViolated:                "Check constraint '%s' is violated.",
	CheckRefersUnknownColumn:     "Check constraint '%s' refers to non-existing column '%s'.",
	CheckNotFound:                "Check constraint '%s' is not found in the table.",
	CheckDuplicateName:           "Duplicate check constraint name '%s'.",
	ConstraintNotFound:           "Constraint '%s' does not exist.",
	LocalInfileDisabled:          "Loading local data is disabled; this must be enabled on both the client and server sides",
	ColumnUsedByCheck:            "Check constraint '%s' uses column '%s', hence column cannot be dropped or renamed.",
	ClientInteractionTimeout: "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for " +
		"configuring this behavior.",
}

// states holds the SQLSTATEs that the parser's table lacks or has otherwise.
var states = map[uint16]string{
	mysql.ErrInvalidJSONText:        "22032",
	mysql.ErrInvalidJSONTextInParam: "22032",
	UserLockWrongName:               "42000",
	InvalidJSONValueForCast:         "22018",
	mysql.ErrJSONUsedAsKey:          "42000",
	mysql.ErrTruncatedWrongValue:    "22007",
	LocalInfileDisabled:             "42000",
}
