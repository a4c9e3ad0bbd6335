package mysqlerr

// MySQL's error numbers: the names that the code has for them, and MySQL's own.
const (
	FileNotCreated                   = 1    // EE_CANTCREATEFILE
	FileWrite                        = 3    // EE_WRITE
	Stat                             = 13   // EE_STAT
	FileNotFound                     = 29   // EE_FILENOTFOUND
	CantCreateFile                   = 1004 // ER_CANT_CREATE_FILE
	CantCreateTable                  = 1005 // ER_CANT_CREATE_TABLE
	DBCreateExists                   = 1007 // ER_DB_CREATE_EXISTS
	DBDropExists                     = 1008 // ER_DB_DROP_EXISTS
	DiskFull                         = 1021 // ER_DISK_FULL
	ErrorOnRead                      = 1024 // ER_ERROR_ON_READ
	ErrorOnWrite                     = 1026 // ER_ERROR_ON_WRITE
	IllegalHa                        = 1031 // ER_ILLEGAL_HA
	OutOfSortMemory                  = 1038 // ER_OUT_OF_SORTMEMORY
	ConCount                         = 1040 // ER_CON_COUNT_ERROR
	OutOfResources                   = 1041 // ER_OUT_OF_RESOURCES
	Handshake                        = 1043 // ER_HANDSHAKE_ERROR
	DBaccessDenied                   = 1044 // ER_DBACCESS_DENIED_ERROR
	AccessDenied                     = 1045 // ER_ACCESS_DENIED_ERROR
	NoDB                             = 1046 // ER_NO_DB_ERROR
	UnknownCom                       = 1047 // ER_UNKNOWN_COM_ERROR
	BadNull                          = 1048 // ER_BAD_NULL_ERROR
	BadDB                            = 1049 // ER_BAD_DB_ERROR
	TableExists                      = 1050 // ER_TABLE_EXISTS_ERROR
	BadTable                         = 1051 // ER_BAD_TABLE_ERROR
	NonUniq                          = 1052 // ER_NON_UNIQ_ERROR
	ServerShutdown                   = 1053 // ER_SERVER_SHUTDOWN
	BadField                         = 1054 // ER_BAD_FIELD_ERROR
	WrongFieldWithGroup              = 1055 // ER_WRONG_FIELD_WITH_GROUP
	WrongGroupField                  = 1056 // ER_WRONG_GROUP_FIELD
	TooLongIdent                     = 1059 // ER_TOO_LONG_IDENT
	DupFieldName                     = 1060 // ER_DUP_FIELDNAME
	DupKeyName                       = 1061 // ER_DUP_KEYNAME
	DupEntry                         = 1062 // ER_DUP_ENTRY
	WrongFieldSpec                   = 1063 // ER_WRONG_FIELD_SPEC
	Parse                            = 1064 // ER_PARSE_ERROR
	EmptyQuery                       = 1065 // ER_EMPTY_QUERY
	NonuniqTable                     = 1066 // ER_NONUNIQ_TABLE
	InvalidDefault                   = 1067 // ER_INVALID_DEFAULT
	MultiplePriKey                   = 1068 // ER_MULTIPLE_PRI_KEY
	TooManyKeys                      = 1069 // ER_TOO_MANY_KEYS
	TooManyKeyParts                  = 1070 // ER_TOO_MANY_KEY_PARTS
	TooLongKey                       = 1071 // ER_TOO_LONG_KEY
	KeyColumnDoesNotExist            = 1072 // ER_KEY_COLUMN_DOES_NOT_EXITS
	TooBigFieldlength                = 1074 // ER_TOO_BIG_FIELDLENGTH
	WrongAutoKey                     = 1075 // ER_WRONG_AUTO_KEY
	WrongFieldTerminators            = 1083 // ER_WRONG_FIELD_TERMINATORS
	BlobsAndNoTerminated             = 1084 // ER_BLOBS_AND_NO_TERMINATED
	TextfileNotReadable              = 1085 // ER_TEXTFILE_NOT_READABLE
	FileExists                       = 1086 // ER_FILE_EXISTS_ERROR
	LoadInfo                         = 1087 // ER_LOAD_INFO
	WrongSubKey                      = 1089 // ER_WRONG_SUB_KEY
	CantRemoveAllFields              = 1090 // ER_CANT_REMOVE_ALL_FIELDS
	CantDropFieldOrKey               = 1091 // ER_CANT_DROP_FIELD_OR_KEY
	UpdateTableUsed                  = 1093 // ER_UPDATE_TABLE_USED
	NoSuchThread                     = 1094 // ER_NO_SUCH_THREAD
	KillDenied                       = 1095 // ER_KILL_DENIED_ERROR
	NoTablesUsed                     = 1096 // ER_NO_TABLES_USED
	TooBigSet                        = 1097 // ER_TOO_BIG_SET
	TableNotLockedForWrite           = 1099 // ER_TABLE_NOT_LOCKED_FOR_WRITE
	TableNotLocked                   = 1100 // ER_TABLE_NOT_LOCKED
	BlobCantHaveDefault              = 1101 // ER_BLOB_CANT_HAVE_DEFAULT
	WrongDBName                      = 1102 // ER_WRONG_DB_NAME
	WrongTableName                   = 1103 // ER_WRONG_TABLE_NAME
	TooBigSelect                     = 1104 // ER_TOO_BIG_SELECT
	UnknownError                     = 1105 // ER_UNKNOWN_ERROR
	UnknownTable                     = 1109 // ER_UNKNOWN_TABLE
	FieldSpecifiedTwice              = 1110 // ER_FIELD_SPECIFIED_TWICE
	InvalidGroupFuncUse              = 1111 // ER_INVALID_GROUP_FUNC_USE
	TableMustHaveColumns             = 1113 // ER_TABLE_MUST_HAVE_COLUMNS
	RecordFileFull                   = 1114 // ER_RECORD_FILE_FULL
	UnknownCharacterSet              = 1115 // ER_UNKNOWN_CHARACTER_SET
	TooManyTables                    = 1116 // ER_TOO_MANY_TABLES
	TooManyFields                    = 1117 // ER_TOO_MANY_FIELDS
	TooBigRowsize                    = 1118 // ER_TOO_BIG_ROWSIZE
	PasswordNoMatch                  = 1133 // ER_PASSWORD_NO_MATCH
	WrongValueCountOnRow             = 1136 // ER_WRONG_VALUE_COUNT_ON_ROW
	CantReopenTable                  = 1137 // ER_CANT_REOPEN_TABLE
	InvalidUseOfNull                 = 1138 // ER_INVALID_USE_OF_NULL
	MixOfGroupFuncAndFields          = 1140 // ER_MIX_OF_GROUP_FUNC_AND_FIELDS
	NonexistingGrant                 = 1141 // ER_NONEXISTING_GRANT
	TableaccessDenied                = 1142 // ER_TABLEACCESS_DENIED_ERROR
	ColumnaccessDenied               = 1143 // ER_COLUMNACCESS_DENIED_ERROR
	IllegalGrantForTable             = 1144 // ER_ILLEGAL_GRANT_FOR_TABLE
	NoSuchTable                      = 1146 // ER_NO_SUCH_TABLE
	NonexistingTableGrant            = 1147 // ER_NONEXISTING_TABLE_GRANT
	SyntaxError                      = 1149 // ER_SYNTAX_ERROR
	NetPacketTooLarge                = 1153 // ER_NET_PACKET_TOO_LARGE
	NetPacketsOutOfOrder             = 1156 // ER_NET_PACKETS_OUT_OF_ORDER
	NetReadInterrupted               = 1159 // ER_NET_READ_INTERRUPTED
	TooLongString                    = 1162 // ER_TOO_LONG_STRING
	TableCantHandleAutoIncrement     = 1164 // ER_TABLE_CANT_HANDLE_AUTO_INCREMENT
	WrongColumnName                  = 1166 // ER_WRONG_COLUMN_NAME
	BlobKeyWithoutLength             = 1170 // ER_BLOB_KEY_WITHOUT_LENGTH
	PrimaryCantHaveNull              = 1171 // ER_PRIMARY_CANT_HAVE_NULL
	TooManyRows                      = 1172 // ER_TOO_MANY_ROWS
	UpdateWithoutKeyInSafeMode       = 1175 // ER_UPDATE_WITHOUT_KEY_IN_SAFE_MODE
	KeyDoesNotExist                  = 1176 // ER_KEY_DOES_NOT_EXITS
	ErrorDuringCommit                = 1180 // ER_ERROR_DURING_COMMIT
	LockOrActiveTransaction          = 1192 // ER_LOCK_OR_ACTIVE_TRANSACTION
	UnknownSystemVariable            = 1193 // ER_UNKNOWN_SYSTEM_VARIABLE
	CrashedOnUsage                   = 1194 // ER_CRASHED_ON_USAGE
	TransCacheFull                   = 1197 // ER_TRANS_CACHE_FULL
	TooManyUserConnections           = 1203 // ER_TOO_MANY_USER_CONNECTIONS
	LockWaitTimeout                  = 1205 // ER_LOCK_WAIT_TIMEOUT
	LockTableFull                    = 1206 // ER_LOCK_TABLE_FULL
	WrongArguments                   = 1210 // ER_WRONG_ARGUMENTS
	LockDeadlock                     = 1213 // ER_LOCK_DEADLOCK
	CannotAddForeign                 = 1215 // ER_CANNOT_ADD_FOREIGN
	NoReferencedRow                  = 1216 // ER_NO_REFERENCED_ROW
	RowIsReferenced                  = 1217 // ER_ROW_IS_REFERENCED
	WrongUsage                       = 1221 // ER_WRONG_USAGE
	WrongNumberOfColumnsInSelect     = 1222 // ER_WRONG_NUMBER_OF_COLUMNS_IN_SELECT
	CantUpdateWithReadlock           = 1223 // ER_CANT_UPDATE_WITH_READLOCK
	UserLimitReached                 = 1226 // ER_USER_LIMIT_REACHED
	SpecificAccessDenied             = 1227 // ER_SPECIFIC_ACCESS_DENIED_ERROR
	LocalVariable                    = 1228 // ER_LOCAL_VARIABLE
	GlobalVariable                   = 1229 // ER_GLOBAL_VARIABLE
	WrongValueForVar                 = 1231 // ER_WRONG_VALUE_FOR_VAR
	WrongTypeForVar                  = 1232 // ER_WRONG_TYPE_FOR_VAR
	CantUseOptionHere                = 1234 // ER_CANT_USE_OPTION_HERE
	NotSupportedYet                  = 1235 // ER_NOT_SUPPORTED_YET
	IncorrectGlobalLocalVar          = 1238 // ER_INCORRECT_GLOBAL_LOCAL_VAR
	WrongFKDef                       = 1239 // ER_WRONG_FK_DEF
	OperandColumns                   = 1241 // ER_OPERAND_COLUMNS
	SubqueryNo1Row                   = 1242 // ER_SUBQUERY_NO_1_ROW
	UnknownStmtHandler               = 1243 // ER_UNKNOWN_STMT_HANDLER
	AutoConvert                      = 1246 // ER_AUTO_CONVERT
	IllegalReference                 = 1247 // ER_ILLEGAL_REFERENCE
	DerivedMustHaveAlias             = 1248 // ER_DERIVED_MUST_HAVE_ALIAS
	TablenameNotAllowedHere          = 1250 // ER_TABLENAME_NOT_ALLOWED_HERE
	CollationCharsetMismatch         = 1253 // ER_COLLATION_CHARSET_MISMATCH
	TooBigForUncompress              = 1256 // ER_TOO_BIG_FOR_UNCOMPRESS
	ZlibZData                        = 1259 // ER_ZLIB_Z_DATA_ERROR
	CutValueGroupConcat              = 1260 // ER_CUT_VALUE_GROUP_CONCAT
	WarnTooFewRecords                = 1261 // ER_WARN_TOO_FEW_RECORDS
	WarnTooManyRecords               = 1262 // ER_WARN_TOO_MANY_RECORDS
	WarnNullToNotnull                = 1263 // ER_WARN_NULL_TO_NOTNULL
	WarnDataOutOfRange               = 1264 // ER_WARN_DATA_OUT_OF_RANGE
	WarnUsingOtherHandler            = 1266 // ER_WARN_USING_OTHER_HANDLER
	CantAggregate2collations         = 1267 // ER_CANT_AGGREGATE_2COLLATIONS
	RevokeGrants                     = 1269 // ER_REVOKE_GRANTS
	CantAggregate3collations         = 1270 // ER_CANT_AGGREGATE_3COLLATIONS
	CantAggregateNcollations         = 1271 // ER_CANT_AGGREGATE_NCOLLATIONS
	UnknownCollation                 = 1273 // ER_UNKNOWN_COLLATION
	WrongNameForIndex                = 1280 // ER_WRONG_NAME_FOR_INDEX
	UnknownKeyCache                  = 1284 // ER_UNKNOWN_KEY_CACHE
	UnknownStorageEngine             = 1286 // ER_UNKNOWN_STORAGE_ENGINE
	WarnDeprecatedSyntax             = 1287 // ER_WARN_DEPRECATED_SYNTAX
	NonUpdatableTable                = 1288 // ER_NON_UPDATABLE_TABLE
	OptionPreventsStatement          = 1290 // ER_OPTION_PREVENTS_STATEMENT
	DuplicatedValueInType            = 1291 // ER_DUPLICATED_VALUE_IN_TYPE
	TruncatedWrongValue              = 1292 // ER_TRUNCATED_WRONG_VALUE
	InvalidOnUpdate                  = 1294 // ER_INVALID_ON_UPDATE
	UnsupportedPs                    = 1295 // ER_UNSUPPORTED_PS
	GetErrmsg                        = 1296 // ER_GET_ERRMSG
	UnknownTimeZone                  = 1298 // ER_UNKNOWN_TIME_ZONE
	WarnInvalidTimestamp             = 1299 // ER_WARN_INVALID_TIMESTAMP
	InvalidCharacterString           = 1300 // ER_INVALID_CHARACTER_STRING
	WarnAllowedPacketOverflowed      = 1301 // ER_WARN_ALLOWED_PACKET_OVERFLOWED
	SpDoesNotExist                   = 1305 // ER_SP_DOES_NOT_EXIST
	QueryInterrupted                 = 1317 // ER_QUERY_INTERRUPTED
	SPCondMismatch                   = 1319 // ER_SP_COND_MISMATCH
	SPUndeclaredVar                  = 1327 // ER_SP_UNDECLARED_VAR
	SpFetchNoData                    = 1329 // ER_SP_FETCH_NO_DATA
	ViewNoExplain                    = 1345 // ER_VIEW_NO_EXPLAIN
	WrongObject                      = 1347 // ER_WRONG_OBJECT
	NonupdatableColumn               = 1348 // ER_NONUPDATEABLE_COLUMN
	ViewSelectClause                 = 1350 // ER_VIEW_SELECT_CLAUSE
	ViewSelectVariable               = 1351 // ER_VIEW_SELECT_VARIABLE
	ViewSelectTmptable               = 1352 // ER_VIEW_SELECT_TMPTABLE
	ViewWrongList                    = 1353 // ER_VIEW_WRONG_LIST
	WarnViewMerge                    = 1354 // ER_WARN_VIEW_MERGE
	ViewInvalid                      = 1356 // ER_VIEW_INVALID
	TrgDoesNotExist                  = 1360 // ER_TRG_DOES_NOT_EXIST
	NoDefaultForField                = 1364 // ER_NO_DEFAULT_FOR_FIELD
	DivisionByZero                   = 1365 // ER_DIVISION_BY_ZERO
	TruncatedWrongValueForField      = 1366 // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
	IllegalValueForType              = 1367 // ER_ILLEGAL_VALUE_FOR_TYPE
	ViewNonupdCheck                  = 1368 // ER_VIEW_NONUPD_CHECK
	ViewCheckFailed                  = 1369 // ER_VIEW_CHECK_FAILED
	NoBinaryLogging                  = 1381 // ER_NO_BINARY_LOGGING
	PsManyParam                      = 1390 // ER_PS_MANY_PARAM
	KeyPart0                         = 1391 // ER_KEY_PART_0
	ViewMultiupdate                  = 1393 // ER_VIEW_MULTIUPDATE
	ViewNoInsertFieldList            = 1394 // ER_VIEW_NO_INSERT_FIELD_LIST
	ViewDeleteMergeView              = 1395 // ER_VIEW_DELETE_MERGE_VIEW
	CannotUser                       = 1396 // ER_CANNOT_USER
	DataTooLong                      = 1406 // ER_DATA_TOO_LONG
	SPBadSQLState                    = 1407 // ER_SP_BAD_SQLSTATE
	LoadFromFixedSizeRowsToVar       = 1409 // ER_LOAD_FROM_FIXED_SIZE_ROWS_TO_VAR
	CantCreateUserWithGrant          = 1410 // ER_CANT_CREATE_USER_WITH_GRANT
	WrongValueForType                = 1411 // ER_WRONG_VALUE_FOR_TYPE
	TableDefChanged                  = 1412 // ER_TABLE_DEF_CHANGED
	StmtHasNoOpenCursor              = 1421 // ER_STMT_HAS_NO_OPEN_CURSOR
	NoDefaultForViewField            = 1423 // ER_NO_DEFAULT_FOR_VIEW_FIELD
	TooBigScale                      = 1425 // ER_TOO_BIG_SCALE
	TooBigPrecision                  = 1426 // ER_TOO_BIG_PRECISION
	MBiggerThanD                     = 1427 // ER_M_BIGGER_THAN_D
	StackOverrunNeedMore             = 1436 // ER_STACK_OVERRUN_NEED_MORE
	TooBigDisplaywidth               = 1439 // ER_TOO_BIG_DISPLAYWIDTH
	DatetimeFunctionOverflow         = 1441 // ER_DATETIME_FUNCTION_OVERFLOW
	ViewPreventUpdate                = 1443 // ER_VIEW_PREVENT_UPDATE
	NoSuchUser                       = 1449 // ER_NO_SUCH_USER
	ForbidSchemaChange               = 1450 // ER_FORBID_SCHEMA_CHANGE
	RowIsReferenced2                 = 1451 // ER_ROW_IS_REFERENCED_2
	NoReferencedRow2                 = 1452 // ER_NO_REFERENCED_ROW_2
	MaxPreparedStmtCountReached      = 1461 // ER_MAX_PREPARED_STMT_COUNT_REACHED
	ViewRecursive                    = 1462 // ER_VIEW_RECURSIVE
	AutoincReadFailed                = 1467 // ER_AUTOINC_READ_FAILED
	WrongStringLength                = 1470 // ER_WRONG_STRING_LENGTH
	NonInsertableTable               = 1471 // ER_NON_INSERTABLE_TABLE
	TooHighLevelOfNestingForSelect   = 1473 // ER_TOO_HIGH_LEVEL_OF_NESTING_FOR_SELECT
	AmbiguousFieldTerm               = 1475 // ER_AMBIGUOUS_FIELD_TERM
	IllegalHaCreateOption            = 1478 // ER_ILLEGAL_HA_CREATE_OPTION
	PartitionRequiresValues          = 1479 // ER_PARTITION_REQUIRES_VALUES_ERROR
	PartitionWrongValues             = 1480 // ER_PARTITION_WRONG_VALUES_ERROR
	PartitionMaxvalue                = 1481 // ER_PARTITION_MAXVALUE_ERROR
	PartitionSubpartition            = 1482 // ER_PARTITION_SUBPARTITION_ERROR
	PartitionSubpartMix              = 1483 // ER_PARTITION_SUBPART_MIX_ERROR
	PartitionWrongCount              = 1484 // ER_PARTITION_WRONG_NO_PART_ERROR
	PartitionWrongSubCount           = 1485 // ER_PARTITION_WRONG_NO_SUBPART_ERROR
	WrongExprInPartitionFunc         = 1486 // ER_WRONG_EXPR_IN_PARTITION_FUNC_ERROR
	FieldNotFoundPart                = 1488 // ER_FIELD_NOT_FOUND_PART_ERROR
	PartitionFuncWrongType           = 1491 // ER_PARTITION_FUNC_NOT_ALLOWED_ERROR
	PartitionsMustBeDefined          = 1492 // ER_PARTITIONS_MUST_BE_DEFINED_ERROR
	RangeNotIncreasing               = 1493 // ER_RANGE_NOT_INCREASING_ERROR
	MultipleDefConstInListPart       = 1495 // ER_MULTIPLE_DEF_CONST_IN_LIST_PART_ERROR
	TooManyPartitions                = 1499 // ER_TOO_MANY_PARTITIONS_ERROR
	SubpartitionMix                  = 1500 // ER_SUBPARTITION_ERROR
	BlobFieldInPartFunc              = 1502 // ER_BLOB_FIELD_IN_PART_FUNC_ERROR
	UniqueKeyNeedAllFieldsInPf       = 1503 // ER_UNIQUE_KEY_NEED_ALL_FIELDS_IN_PF
	NoParts                          = 1504 // ER_NO_PARTS_ERROR
	PartitionMgmtOnNonpartitioned    = 1505 // ER_PARTITION_MGMT_ON_NONPARTITIONED
	ForeignKeyOnPartitioned          = 1506 // ER_FOREIGN_KEY_ON_PARTITIONED
	PartitionNotInList               = 1507 // ER_DROP_PARTITION_NON_EXISTENT
	DropLastPartition                = 1508 // ER_DROP_LAST_PARTITION
	CoalesceOnlyOnHash               = 1509 // ER_COALESCE_ONLY_ON_HASH_PARTITION
	ReorgHashOnlySameNumber          = 1510 // ER_REORG_HASH_ONLY_ON_SAME_NO
	ReorgNoParam                     = 1511 // ER_REORG_NO_PARAM_ERROR
	OnlyOnRangeListPartition         = 1512 // ER_ONLY_ON_RANGE_LIST_PARTITION
	AddPartitionSubpart              = 1513 // ER_ADD_PARTITION_SUBPART_ERROR
	AddPartitionNone                 = 1514 // ER_ADD_PARTITION_NO_NEW_PARTITION
	CoalesceNoPartition              = 1515 // ER_COALESCE_PARTITION_NO_PARTITION
	SameNamePartition                = 1517 // ER_SAME_NAME_PARTITION
	ConsecutiveReorgPartitions       = 1519 // ER_CONSECUTIVE_REORG_PARTITIONS
	ReorgOutsideRange                = 1520 // ER_REORG_OUTSIDE_RANGE
	PluginIsNotLoaded                = 1524 // ER_PLUGIN_IS_NOT_LOADED
	WrongValue                       = 1525 // ER_WRONG_VALUE
	NoPartitionForValue              = 1526 // ER_NO_PARTITION_FOR_GIVEN_VALUE
	EventDoesNotExist                = 1539 // ER_EVENT_DOES_NOT_EXIST
	DropIndexFK                      = 1553 // ER_DROP_INDEX_FK
	PartitionNoTemporary             = 1562 // ER_PARTITION_NO_TEMPORARY
	PartitionConstDomain             = 1563 // ER_PARTITION_CONST_DOMAIN_ERROR
	PartitionFunctionNotAllowed      = 1564 // ER_PARTITION_FUNCTION_IS_NOT_ALLOWED
	NullInValuesLessThan             = 1566 // ER_NULL_IN_VALUES_LESS_THAN
	WrongPartitionName               = 1567 // ER_WRONG_PARTITION_NAME
	CantChangeTxCharacteristics      = 1568 // ER_CANT_CHANGE_TX_CHARACTERISTICS
	WrongParamcountToNativeFct       = 1582 // ER_WRONG_PARAMCOUNT_TO_NATIVE_FCT
	WrongParametersToNativeFct       = 1583 // ER_WRONG_PARAMETERS_TO_NATIVE_FCT
	DupEntryWithKeyName              = 1586 // ER_DUP_ENTRY_WITH_KEY_NAME
	NoPartitionForValueSilent        = 1591 // ER_NO_PARTITION_FOR_GIVEN_VALUE_SILENT
	OptionIgnored                    = 1618 // WARN_OPTION_IGNORED
	VariableIsReadonly               = 1621 // ER_VARIABLE_IS_READONLY
	TooLongTableComment              = 1628 // ER_TOO_LONG_TABLE_COMMENT
	TooLongFieldComment              = 1629 // ER_TOO_LONG_FIELD_COMMENT
	NonASCIISeparator                = 1638 // WARN_NON_ASCII_SEPARATOR_NOT_IMPLEMENTED
	DupSignalSet                     = 1641 // ER_DUP_SIGNAL_SET
	SignalWarn                       = 1642 // ER_SIGNAL_WARN
	SignalNotFound                   = 1643 // ER_SIGNAL_NOT_FOUND
	SignalException                  = 1644 // ER_SIGNAL_EXCEPTION
	ResignalWithoutActiveHandler     = 1645 // ER_RESIGNAL_WITHOUT_ACTIVE_HANDLER
	CondItemTruncated                = 1647 // WARN_COND_ITEM_TRUNCATED
	CondItemTooLong                  = 1648 // ER_COND_ITEM_TOO_LONG
	UnknownLocale                    = 1649 // ER_UNKNOWN_LOCALE
	SameNamePartitionField           = 1652 // ER_SAME_NAME_PARTITION_FIELD
	PartitionColumnList              = 1653 // ER_PARTITION_COLUMN_LIST_ERROR
	WrongTypeColumnValue             = 1654 // ER_WRONG_TYPE_COLUMN_VALUE_ERROR
	TooManyPartitionFuncFields       = 1655 // ER_TOO_MANY_PARTITION_FUNC_FIELDS_ERROR
	MaxvalueInValuesIn               = 1656 // ER_MAXVALUE_IN_VALUES_IN
	TooManyValues                    = 1657 // ER_TOO_MANY_VALUES_ERROR
	RowSinglePartitionField          = 1658 // ER_ROW_SINGLE_PARTITION_FIELD_ERROR
	PartitionFieldType               = 1659 // ER_FIELD_TYPE_NOT_ALLOWED_AS_PARTITION_FIELD
	PartitionFieldsTooLong           = 1660 // ER_PARTITION_FIELDS_TOO_LONG
	TooLongIndexComment              = 1688 // ER_TOO_LONG_INDEX_COMMENT
	DataOutOfRange                   = 1690 // ER_DATA_OUT_OF_RANGE
	ValuesIsNotInt                   = 1697 // ER_VALUES_IS_NOT_INT_TYPE_ERROR
	MultiUpdateKeyConflict           = 1706 // ER_MULTI_UPDATE_KEY_CONFLICT
	TruncateIllegalFK                = 1701 // ER_TRUNCATE_ILLEGAL_FK
	ExchangeDifferentOption          = 1731 // ER_PARTITION_EXCHANGE_DIFFERENT_OPTION
	ExchangePartitioned              = 1732 // ER_PARTITION_EXCHANGE_PART_TABLE
	ExchangeTemporary                = 1733 // ER_PARTITION_EXCHANGE_TEMP_TABLE
	PartitionInsteadOfSub            = 1734 // ER_PARTITION_INSTEAD_OF_SUBPARTITION
	UnknownPartition                 = 1735 // ER_UNKNOWN_PARTITION
	TablesDifferentMetadata          = 1736 // ER_TABLES_DIFFERENT_METADATA
	RowDoesNotMatchPartition         = 1737 // ER_ROW_DOES_NOT_MATCH_PARTITION
	ExchangeForeignKey               = 1740 // ER_PARTITION_EXCHANGE_FOREIGN_KEY
	PartitionOnNonpartitioned        = 1747 // ER_PARTITION_CLAUSE_ON_NONPARTITIONED
	RowNotInGivenPartitions          = 1748 // ER_ROW_DOES_NOT_MATCH_GIVEN_PARTITION_SET
	DAInvalidConditionNumber         = 1758 // ER_DA_INVALID_CONDITION_NUMBER
	ForeignDuplicateKeyWithChildInfo = 1761 // ER_FOREIGN_DUPLICATE_KEY_WITH_CHILD_INFO
	UnknownExplainFormat             = 1791 // ER_UNKNOWN_EXPLAIN_FORMAT
	CantExecuteInReadOnlyTransaction = 1792 // ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
	TooLongPartitionComment          = 1793 // ER_TOO_LONG_TABLE_PARTITION_COMMENT
	NotValidPassword                 = 1819 // ER_NOT_VALID_PASSWORD
	MustChangePassword               = 1820 // ER_MUST_CHANGE_PASSWORD
	FKNoIndexParent                  = 1822 // ER_FK_NO_INDEX_PARENT
	FKCannotOpenParent               = 1824 // ER_FK_CANNOT_OPEN_PARENT
	FKDupName                        = 1826 // ER_FK_DUP_NAME
	PasswordFormat                   = 1827 // ER_PASSWORD_FORMAT
	FKColumnCannotDrop               = 1828 // ER_FK_COLUMN_CANNOT_DROP
	FKColumnCannotDropChild          = 1829 // ER_FK_COLUMN_CANNOT_DROP_CHILD
	FKColumnNotNull                  = 1830 // ER_FK_COLUMN_NOT_NULL
	DupIndex                         = 1831 // ER_DUP_INDEX
	FKColumnCannotChange             = 1832 // ER_FK_COLUMN_CANNOT_CHANGE
	FKColumnCannotChangeChild        = 1833 // ER_FK_COLUMN_CANNOT_CHANGE_CHILD
	MalformedPacket                  = 1835 // ER_MALFORMED_PACKET
	AlterOperationNotSupported       = 1845 // ER_ALTER_OPERATION_NOT_SUPPORTED
	AlterOperationNotSupportedReason = 1846 // ER_ALTER_OPERATION_NOT_SUPPORTED_REASON
	MustChangePasswordLogin          = 1862 // ER_MUST_CHANGE_PASSWORD_LOGIN
	AESInvalidIV                     = 1882 // ER_AES_INVALID_IV
	NoStackedDiagnostics             = 1887 // ER_GET_STACKED_DA_WITHOUT_ACTIVE_HANDLER
	ForeignKeyCascadeDepth           = 3008 // ER_FK_DEPTH_EXCEEDED
	ExplainNotSupported              = 3012 // ER_EXPLAIN_NOT_SUPPORTED
	InvalidFieldSize                 = 3013 // ER_INVALID_FIELD_SIZE
	PasswordExpireAnonymousUser      = 3016 // ER_PASSWORD_EXPIRE_ANONYMOUS_USER
	InvalidArgumentForLogarithm      = 3020 // ER_INVALID_ARGUMENT_FOR_LOGARITHM
	MaxExecTimeExceeded              = 3024 // ER_QUERY_TIMEOUT
	AggregateOrderForUnion           = 3028 // ER_AGGREGATE_ORDER_FOR_UNION
	AggregateOrderNonAggQuery        = 3029 // ER_AGGREGATE_ORDER_NON_AGG_QUERY
	UserLockWrongName                = 3057 // ER_USER_LOCK_WRONG_NAME
	UserLockDeadlock                 = 3058 // ER_USER_LOCK_DEADLOCK
	IllegalUserVar                   = 3061 // ER_USER_VARIABLE_ILLEGAL
	IncorrectType                    = 3064 // ER_INCORRECT_TYPE
	FieldInOrderNotSelect            = 3065 // ER_FIELD_IN_ORDER_NOT_SELECT
	AggregateInOrderNotSelect        = 3066 // ER_AGGREGATE_IN_ORDER_NOT_SELECT
	GeneratedFunctionDisallowed      = 3102 // ER_GENERATED_COLUMN_FUNCTION_IS_NOT_ALLOWED
	FKOptionForGenerated             = 3104 // ER_WRONG_FK_OPTION_FOR_GENERATED_COLUMN
	GivenGeneratedColumn             = 3105 // ER_NON_DEFAULT_VALUE_FOR_GENERATED_COLUMN
	UnsupportedOnGenerated           = 3106 // ER_UNSUPPORTED_ACTION_ON_GENERATED_COLUMN
	GeneratedNonPrior                = 3107 // ER_GENERATED_COLUMN_NON_PRIOR
	GeneratedDependency              = 3108 // ER_DEPENDENT_BY_GENERATED_COLUMN
	GeneratedOfAutoIncrement         = 3109 // ER_GENERATED_COLUMN_REF_AUTO_INC
	AccountLocked                    = 3118 // ER_ACCOUNT_HAS_BEEN_LOCKED
	UnsupportedMaxExecutionTime      = 3125 // ER_WARN_UNSUPPORTED_MAX_EXECUTION_TIME
	ConflictingHint                  = 3126 // ER_WARN_CONFLICTING_HINT
	UnknownQueryBlock                = 3127 // ER_WARN_UNKNOWN_QB_NAME
	UnresolvedHintName               = 3128 // ER_UNRESOLVED_HINT_NAME
	TooManyEnumElements              = 3135 // ER_TOO_LONG_SET_ENUM_VALUE
	InvalidJSONText                  = 3140 // ER_INVALID_JSON_TEXT
	InvalidJSONTextInParam           = 3141 // ER_INVALID_JSON_TEXT_IN_PARAM
	InvalidJSONPath                  = 3143 // ER_INVALID_JSON_PATH
	InvalidJSONCharset               = 3144 // ER_INVALID_JSON_CHARSET
	InvalidTypeForJSON               = 3146 // ER_INVALID_TYPE_FOR_JSON
	InvalidJSONPathWildcard          = 3149 // ER_INVALID_JSON_PATH_WILDCARD
	JSONUsedAsKey                    = 3152 // ER_JSON_USED_AS_KEY
	JSONVacuousPath                  = 3153 // ER_JSON_VACUOUS_PATH
	JSONBadOneOrAllArg               = 3154 // ER_JSON_BAD_ONE_OR_ALL_ARG
	InvalidJSONValueForCast          = 3156 // ER_INVALID_JSON_VALUE_FOR_CAST
	JSONDocumentTooDeep              = 3157 // ER_JSON_DOCUMENT_TOO_DEEP
	JSONDocumentNullKey              = 3158 // ER_JSON_DOCUMENT_NULL_KEY
	SecureTransportRequired          = 3159 // ER_SECURE_TRANSPORT_REQUIRED
	AuthIDNotExists                  = 3162 // ER_USER_DOES_NOT_EXIST
	AuthIDExists                     = 3163 // ER_USER_ALREADY_EXISTS
	InvalidJSONPathArrayCell         = 3165 // ER_INVALID_JSON_PATH_ARRAY_CELL
	CapacityExceeded                 = 3170 // ER_CAPACITY_EXCEEDED
	FKBaseOfStored                   = 3192 // ER_CANNOT_ADD_FOREIGN_BASE_COL_STORED
	NoSuchIndexAlgorithm             = 3502 // ER_UNSUPPORTED_INDEX_ALGORITHM
	InvalidBitwiseOperandsSize       = 3513 // ER_INVALID_BITWISE_OPERANDS_SIZE
	InvalidBitwiseAggregateSize      = 3514 // ER_INVALID_BITWISE_AGGREGATE_OPERANDS_SIZE
	InvisiblePrimaryKey              = 3522 // ER_PK_INDEX_CANT_BE_INVISIBLE
	UnknownAuthID                    = 3523 // ER_UNKNOWN_AUTHID
	ComponentCantLoad                = 3529 // ER_COMPONENTS_CANT_LOAD
	RoleNotGranted                   = 3530 // ER_ROLE_NOT_GRANTED
	ComponentNotLoaded               = 3537 // ER_COMPONENTS_UNLOAD_NOT_LOADED
	NoSystemTableAccess              = 3554 // ER_NO_SYSTEM_TABLE_ACCESS
	UnresolvedTableLock              = 3568 // ER_UNRESOLVED_TABLE_LOCK
	DuplicateTableLock               = 3569 // ER_DUPLICATE_TABLE_LOCK
	LockAcquireFailAndNoWaitSet      = 3572 // ER_LOCK_NOWAIT
	CTERecursiveRequiresUnion        = 3573 // ER_CTE_RECURSIVE_REQUIRES_UNION
	CTERecursiveRequiresSeed         = 3574 // ER_CTE_RECURSIVE_REQUIRES_NONRECURSIVE_FIRST
	CTERecursiveForbidsAggregation   = 3575 // ER_CTE_RECURSIVE_FORBIDS_AGGREGATION
	CTERecursiveForbiddenJoinOrder   = 3576 // ER_CTE_RECURSIVE_FORBIDDEN_JOIN_ORDER
	CTERecursiveSingleReference      = 3577 // ER_CTE_RECURSIVE_REQUIRES_SINGLE_REFERENCE
	WindowNoSuchWindow               = 3579 // ER_WINDOW_NO_SUCH_WINDOW
	WindowCircularity                = 3580 // ER_WINDOW_CIRCULARITY_IN_WINDOW_GRAPH
	WindowNoChildPartitioning        = 3581 // ER_WINDOW_NO_CHILD_PARTITIONING
	WindowNoInheritFrame             = 3582 // ER_WINDOW_NO_INHERIT_FRAME
	WindowNoRedefineOrderBy          = 3583 // ER_WINDOW_NO_REDEFINE_ORDER_BY
	WindowFrameStartIllegal          = 3584 // ER_WINDOW_FRAME_START_ILLEGAL
	WindowFrameEndIllegal            = 3585 // ER_WINDOW_FRAME_END_ILLEGAL
	WindowFrameIllegal               = 3586 // ER_WINDOW_FRAME_ILLEGAL
	WindowRangeFrameOrderType        = 3587 // ER_WINDOW_RANGE_FRAME_ORDER_TYPE
	WindowRangeFrameTemporalType     = 3588 // ER_WINDOW_RANGE_FRAME_TEMPORAL_TYPE
	WindowRangeFrameNumericType      = 3589 // ER_WINDOW_RANGE_FRAME_NUMERIC_TYPE
	WindowRangeBoundNotConstant      = 3590 // ER_WINDOW_RANGE_BOUND_NOT_CONSTANT
	WindowDuplicateName              = 3591 // ER_WINDOW_DUPLICATE_NAME
	WindowIllegalOrderBy             = 3592 // ER_WINDOW_ILLEGAL_ORDER_BY
	WindowInvalidWindowFuncUse       = 3593 // ER_WINDOW_INVALID_WINDOW_FUNC_USE
	WindowInvalidWindowFuncAliasUse  = 3594 // ER_WINDOW_INVALID_WINDOW_FUNC_ALIAS_USE
	WindowNestedWindowFuncUse        = 3595 // ER_WINDOW_NESTED_WINDOW_FUNC_USE_IN_WINDOW_SPEC
	WindowRowsIntervalUse            = 3596 // ER_WINDOW_ROWS_INTERVAL_USE
	FieldInGroupingNotGroupBy        = 3602 // ER_FIELD_IN_GROUPING_NOT_GROUP_BY
	NotPersisted                     = 3615 // ER_VAR_DOES_NOT_EXIST
	IllegalPrivilegeLevel            = 3619 // ER_ILLEGAL_PRIVILEGE_LEVEL
	MandatoryRole                    = 3628 // ER_MANDATORY_ROLE
	CTEMaxRecursionDepth             = 3636 // ER_CTE_MAX_RECURSION_DEPTH
	NotHintUpdatable                 = 3637 // ER_NOT_HINT_UPDATABLE_VARIABLE
	CredentialsContradictHistory     = 3638 // ER_CREDENTIALS_CONTRADICT_TO_HISTORY
	MissingJSONTableValue            = 3665 // ER_MISSING_JSON_TABLE_VALUE
	WrongJSONTableValue              = 3666 // ER_WRONG_JSON_TABLE_VALUE
	TFMustHaveAlias                  = 3667 // ER_TF_MUST_HAVE_ALIAS
	TFForbiddenJoinType              = 3668 // ER_TF_FORBIDDEN_JOIN_TYPE
	JTValueOutOfRange                = 3669 // ER_JT_VALUE_OUT_OF_RANGE
	JTMaxNestedPath                  = 3670 // ER_JT_MAX_NESTED_PATH
	ParseErrorInDigest               = 3676 // ER_PARSE_ERROR_IN_DIGEST_FN
	RegexpIllegalArgument            = 3685 // ER_REGEXP_ILLEGAL_ARGUMENT
	RegexpIndexOutOfBounds           = 3686 // ER_REGEXP_INDEX_OUTOFBOUNDS_ERROR
	RegexpInternal                   = 3687 // ER_REGEXP_INTERNAL_ERROR
	RegexpRuleSyntax                 = 3688 // ER_REGEXP_RULE_SYNTAX
	RegexpBadEscape                  = 3689 // ER_REGEXP_BAD_ESCAPE_SEQUENCE
	RegexpUnimplemented              = 3690 // ER_REGEXP_UNIMPLEMENTED
	RegexpMismatchedParen            = 3691 // ER_REGEXP_MISMATCHED_PAREN
	RegexpBadInterval                = 3692 // ER_REGEXP_BAD_INTERVAL
	RegexpMaxLtMin                   = 3693 // ER_REGEXP_MAX_LT_MIN
	RegexpInvalidBackRef             = 3694 // ER_REGEXP_INVALID_BACK_REF
	RegexpLookBehindLimit            = 3695 // ER_REGEXP_LOOK_BEHIND_LIMIT
	RegexpMissingCloseBracket        = 3696 // ER_REGEXP_MISSING_CLOSE_BRACKET
	RegexpInvalidRange               = 3697 // ER_REGEXP_INVALID_RANGE
	RegexpStackOverflow              = 3698 // ER_REGEXP_STACK_OVERFLOW
	RegexpTimeOut                    = 3699 // ER_REGEXP_TIME_OUT
	RegexpPatternTooBig              = 3700 // ER_REGEXP_PATTERN_TOO_BIG
	DeprecatedUTF8Alias              = 3719 // ER_DEPRECATED_UTF8_ALIAS
	DeprecatedNational               = 3720 // ER_DEPRECATED_NATIONAL
	CannotDropTableWithFK            = 3730 // ER_FK_CANNOT_DROP_PARENT
	FKVirtualColumn                  = 3733 // ER_FK_CANNOT_USE_VIRTUAL_COLUMN
	FKNoColumnParent                 = 3734 // ER_FK_NO_COLUMN_PARENT
	TableWithoutPK                   = 3750 // ER_TABLE_WITHOUT_PK
	FunctionalIndexOnJSON            = 3753 // ER_FUNCTIONAL_INDEX_ON_JSON_OR_GEOMETRY_FUNCTION
	FunctionalIndexOfAutoIncrement   = 3754 // ER_FUNCTIONAL_INDEX_REF_AUTO_INCREMENT
	FunctionalIndexNeedsColumn       = 3755 // ER_CANNOT_DROP_COLUMN_FUNCTIONAL_INDEX
	FunctionalPrimaryKey             = 3756 // ER_FUNCTIONAL_INDEX_PRIMARY_KEY
	FunctionalIndexOnLob             = 3757 // ER_FUNCTIONAL_INDEX_ON_LOB
	FunctionalIndexFunction          = 3758 // ER_FUNCTIONAL_INDEX_FUNCTION_IS_NOT_ALLOWED
	FunctionalIndexOnField           = 3762 // ER_FUNCTIONAL_INDEX_ON_FIELD
	GeneratedNamedFunction           = 3763 // ER_GENERATED_COLUMN_NAMED_FUNCTION_IS_NOT_ALLOWED
	GeneratedRowValue                = 3764 // ER_GENERATED_COLUMN_ROW_VALUE
	GeneratedVariables               = 3765 // ER_GENERATED_COLUMN_VARIABLES
	DefaultDependency                = 3766 // ER_DEPENDENT_BY_DEFAULT_GENERATED_VALUE
	DefaultNonPrior                  = 3767 // ER_DEFAULT_VAL_GENERATED_NON_PRIOR
	DefaultOfAutoIncrement           = 3768 // ER_DEFAULT_VAL_GENERATED_REF_AUTO_INC
	DefaultFunctionDisallowed        = 3769 // ER_DEFAULT_VAL_GENERATED_FUNCTION_IS_NOT_ALLOWED
	DefaultFunctionNotAllowed        = 3770 // ER_DEFAULT_VAL_GENERATED_NAMED_FUNCTION_IS_NOT_ALLOWED
	DefaultRowValue                  = 3771 // ER_DEFAULT_VAL_GENERATED_ROW
	DefaultVariables                 = 3772 // ER_DEFAULT_VAL_GENERATED_VARIABLES
	DefaultAsValGenerated            = 3773 // ER_DEFAULT_AS_VAL_GENERATED
	DeprecatedUTF8MB3Collation       = 3778 // ER_DEPRECATED_UTF8_COLLATION
	FKIncompatibleColumns            = 3780 // ER_FK_INCOMPATIBLE_COLUMNS
	CheckNotBoolean                  = 3812 // ER_NON_BOOLEAN_EXPR_FOR_CHECK_CONSTRAINT
	CheckRefersOtherColumn           = 3813 // ER_COLUMN_CHECK_CONSTRAINT_REFERENCES_OTHER_COLUMN
	CheckNamedFunctionNotAllowed     = 3814 // ER_CHECK_CONSTRAINT_NAMED_FUNCTION_IS_NOT_ALLOWED
	CheckFunctionNotAllowed          = 3815 // ER_CHECK_CONSTRAINT_FUNCTION_IS_NOT_ALLOWED
	CheckVariables                   = 3816 // ER_CHECK_CONSTRAINT_VARIABLES
	CheckRowValue                    = 3817 // ER_CHECK_CONSTRAINT_ROW_VALUE
	CheckRefersAutoIncrement         = 3818 // ER_CHECK_CONSTRAINT_REFERS_AUTO_INCREMENT_COLUMN
	CheckViolated                    = 3819 // ER_CHECK_CONSTRAINT_VIOLATED
	CheckRefersUnknownColumn         = 3820 // ER_CHECK_CONSTRAINT_REFERS_UNKNOWN_COLUMN
	CheckNotFound                    = 3821 // ER_CHECK_CONSTRAINT_NOT_FOUND
	CheckDuplicateName               = 3822 // ER_CHECK_CONSTRAINT_DUP_NAME
	CheckUsesFKColumn                = 3823 // ER_CHECK_CONSTRAINT_CLAUSE_USING_FK_REFER_ACTION_COLUMN
	UnsupportedUseOfGrantAs          = 3835 // ER_UNSUPPORTED_USE_OF_GRANT_AS
	UnknownAuthIDOfGrantAs           = 3836 // ER_UKNOWN_AUTH_ID_OR_ACCESS_DENIED_FOR_GRANT_AS
	FunctionalIndexDependency        = 3837 // ER_DEPENDENT_BY_FUNCTIONAL_INDEX
	InvalidJSONType                  = 3853 // ER_INVALID_JSON_TYPE
	SecondPasswordEmpty              = 3878 // ER_SECOND_PASSWORD_CANNOT_BE_EMPTY
	DBAccessDeniedForAuthID          = 3879 // ER_DB_ACCESS_DENIED
	RegexpInvalidCaptureGroupName    = 3887 // ER_REGEXP_INVALID_CAPTURE_GROUP_NAME
	IncorrectCurrentPassword         = 3891 // ER_INCORRECT_CURRENT_PASSWORD
	MissingCurrentPassword           = 3892 // ER_MISSING_CURRENT_PASSWORD
	CurrentPasswordNotRequired       = 3893 // ER_CURRENT_PASSWORD_NOT_REQUIRED
	NotRetainedOnPluginChange        = 3894 // ER_PASSWORD_CANNOT_BE_RETAINED_ON_PLUGIN_CHANGE
	PasswordNotRetained              = 3895 // ER_CURRENT_PASSWORD_CANNOT_BE_RETAINED
	PartialRevokesExist              = 3896 // ER_PARTIAL_REVOKES_EXIST
	DynamicPrivilegeNotRegistered    = 3929 // ER_DYNAMIC_PRIVILEGE_NOT_REGISTERED
	MultipleConstraints              = 3939 // ER_MULTIPLE_CONSTRAINTS_WITH_SAME_NAME
	ConstraintNotFound               = 3940 // ER_CONSTRAINT_NOT_FOUND
	ValuesWithoutColumns             = 3942 // ER_TABLE_VALUE_CONSTRUCTOR_MUST_HAVE_COLUMNS
	ValuesWithDefault                = 3943 // ER_TABLE_VALUE_CONSTRUCTOR_CANNOT_HAVE_DEFAULT
	LocalInfileDisabled              = 3948 // ER_CLIENT_LOCAL_FILES_DISABLED
	MisplacedInto                    = 3954 // ER_MISPLACED_INTO
	AccountBlocked                   = 3955 // ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK
	ColumnUsedByCheck                = 3959 // ER_DEPENDENT_BY_CHECK_CONSTRAINT
	MissingJSONValue                 = 3966 // ER_MISSING_JSON_VALUE
	MultipleJSONValues               = 3967 // ER_MULTIPLE_JSON_VALUES
	ForeignKeyWithCreateSelect       = 3978 // ER_FOREIGN_KEY_WITH_ATOMIC_CREATE_SELECT
	InvalidJSONAttribute             = 3980 // ER_INVALID_JSON_ATTRIBUTE
	EngineAttributeNotSupported      = 3981 // ER_ENGINE_ATTRIBUTE_NOT_SUPPORTED
	InvalidUserAttributeJSON         = 3982 // ER_INVALID_USER_ATTRIBUTE_JSON
	CharacterSetMismatch             = 3995 // ER_CHARACTER_SET_MISMATCH
	RoleGrantedToItself              = 4027 // ER_ROLE_GRANTED_TO_ITSELF
	NoVisibleColumn                  = 4028 // ER_TABLE_MUST_HAVE_A_VISIBLE_COLUMN
	ClientInteractionTimeout         = 4031 // ER_CLIENT_INTERACTION_TIMEOUT
)

// templates holds MySQL 8.0's wording where the parser's table lacks a code or differs from it; the verbs say which
// arguments New takes.
var templates = map[uint16]string{
	UnknownStmtHandler: "Unknown prepared statement handler (%v) given to %s",
	TransCacheFull: "Multi-statement transaction required more than 'max_binlog_cache_size' bytes of storage; increase this mysqld " +
		"variable and try again",
	InvalidJSONAttribute:        "Invalid JSON attribute, error: \"%s\" at pos %d: '%-.192s'",
	EngineAttributeNotSupported: "Storage engine \"%s\" does not support ENGINE_ATTRIBUTE.",
	DeprecatedUTF8Alias: "'utf8' is currently an alias for the character set UTF8MB3, but will be an alias for UTF8MB4 in a future release. " +
		"Please consider using UTF8MB4 in order to be unambiguous.",
	DeprecatedNational: "NATIONAL/NCHAR/NVARCHAR implies the character set UTF8MB3, which will be replaced by UTF8MB4 in a future release. " +
		"Please consider using CHAR(x) CHARACTER SET UTF8MB4 in order to be unambiguous.",
	DeprecatedUTF8MB3Collation: "'%-.192s' is a collation of the deprecated character set UTF8MB3. Please consider using UTF8MB4 with an " +
		"appropriate collation instead.",
	WarnDeprecatedSyntax:   "'%s' is deprecated and will be removed in a future release. Please use %s instead",
	ExplainNotSupported:    "EXPLAIN FOR CONNECTION command is supported only for SELECT/UPDATE/INSERT/DELETE/REPLACE",
	AESInvalidIV:           "The initialization vector supplied to %s is too short. Must be at least %d bytes long",
	NoStackedDiagnostics:   "GET STACKED DIAGNOSTICS when handler not active",
	UnknownExplainFormat:   "Unknown EXPLAIN format name: '%s'",
	IllegalUserVar:         "User variable name '%s' is illegal",
	TooManyEnumElements:    "Too many enumeration values for column %s.",
	NoSuchIndexAlgorithm:   "This storage engine does not support the %s index algorithm, storage engine default was used instead.",
	InvisiblePrimaryKey:    "A primary key index cannot be invisible",
	DefaultDependency:      "Column '%s' of table '%s' has a default value expression dependency and cannot be dropped or renamed.",
	AggregateOrderForUnion: "Expression #%d of ORDER BY contains aggregate function and applies to a UNION",
	AggregateOrderNonAggQuery: "Expression #%d of ORDER BY contains aggregate function and applies to the result of a " +
		"non-aggregated query",
	AggregateInOrderNotSelect: "Expression #%d of %s is not in SELECT list, contains aggregate function; this is " +
		"incompatible with %s",
	CTERecursiveForbiddenJoinOrder: "In recursive query block of Recursive Common Table Expression '%s', the recursive table " +
		"must neither be in the right argument of a LEFT JOIN, nor be forced to be non-first with join order hints",
	CTERecursiveSingleReference: "In recursive query block of Recursive Common Table Expression '%s', the recursive table must " +
		"be referenced only once, and not in any subquery",
	ComponentCantLoad:           "Cannot load component from specified URN: '%s'.",
	ComponentNotLoaded:          "Component specified by URN '%s' to unload has not been loaded before.",
	NotValidPassword:            "Your password does not satisfy the current policy requirements",
	NotPersisted:                "Variable %s does not exist in persisted config file",
	FieldInGroupingNotGroupBy:   "Argument #%d of GROUPING function is not in GROUP BY",
	MissingJSONTableValue:       "Missing value for JSON_TABLE column '%s'",
	WrongJSONTableValue:         "Can't store an array or an object in the scalar JSON_TABLE column '%s'",
	InvalidJSONType:             "Invalid JSON type in argument %d to function %s; an %s is required.",
	MissingJSONValue:            "No value was found by '%s' on the specified path.",
	MultipleJSONValues:          "More than one value was found by '%s' on the specified path.",
	TFMustHaveAlias:             "Every table function must have an alias",
	TFForbiddenJoinType:         "INNER or LEFT JOIN must be used for LATERAL references made by '%s'",
	JTValueOutOfRange:           "Value is out of range for JSON_TABLE's column '%s'",
	JTMaxNestedPath:             "More than supported %d NESTED PATHs were found in JSON_TABLE '%s'",
	UnsupportedMaxExecutionTime: "MAX_EXECUTION_TIME hint is supported by top-level standalone SELECT statements only",
	UnknownQueryBlock:           "Query block name %s is not found for %s hint",
	ConflictingHint:             "Hint %s is ignored as conflicting/duplicated",
	InvalidBitwiseOperandsSize:  "Binary operands of bitwise operators must be of equal length",
	InvalidBitwiseAggregateSize: "Aggregate bitwise functions cannot accept arguments longer than 511 bytes; consider using the SUBSTRING() function",
	UnresolvedHintName:          "Unresolved name %s for %s hint",
	NotHintUpdatable:            "Variable '%s' cannot be set using SET_VAR hint.",
	DefaultNonPrior: "Default value expression of column '%s' cannot refer to a column defined after it if that column is a generated " +
		"column or has an expression as default value.",
	DefaultOfAutoIncrement:        "Default value expression of column '%s' cannot refer to an auto-increment column.",
	DefaultFunctionDisallowed:     "Default value expression of column '%s' contains a disallowed function.",
	DefaultRowValue:               "Default value expression of column '%s' cannot refer to a row value.",
	DefaultVariables:              "Default value expression of column '%s' cannot refer user or system variables.",
	AccountLocked:                 "Access denied for user '%s'@'%s'. Account is locked.",
	SecureTransportRequired:       "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
	RegexpInternal:                "Internal error in the regular expression library.",
	RegexpUnimplemented:           "The regular expression contains a feature that is not implemented in this library version.",
	RegexpBadInterval:             "Incorrect description of a {min,max} interval.",
	RegexpMaxLtMin:                "The maximum is less than the minimum in a {min,max} interval.",
	RegexpInvalidBackRef:          "Invalid back-reference in regular expression.",
	RegexpLookBehindLimit:         "The look-behind assertion exceeds the limit in regular expression.",
	RegexpInvalidRange:            "The regular expression contains an [x-y] character range where x comes after y.",
	RegexpStackOverflow:           "Overflow in the regular expression backtrack stack.",
	RegexpPatternTooBig:           "Pattern exceeds limits on size or complexity.",
	RegexpInvalidCaptureGroupName: "A capture group has an invalid name.",
	CantCreateTable:               "Can't create table '%s' (errno: %d - %s)",
	BadTable:                      "Unknown table '%-.129s'",
	DupEntry:                      "Duplicate entry '%-.64s' for key '%-.385s'",
	TooLongKey:                    "Specified key was too long; max key length is %d bytes",
	BlobCantHaveDefault:           "BLOB, TEXT, GEOMETRY or JSON column '%-.192s' can't have a default value",
	TooBigSelect: "The SELECT would examine more than MAX_JOIN_SIZE rows; check your WHERE and use SET " +
		"SQL_BIG_SELECTS=1 or SET MAX_JOIN_SIZE=# if the SELECT is okay",
	MixOfGroupFuncAndFields: "In aggregated query without GROUP BY, expression #%d of %s contains nonaggregated column '%s'; " +
		"this is incompatible with sql_mode=only_full_group_by",
	TooLongString:                "Result string is longer than 'max_allowed_packet' bytes",
	TableCantHandleAutoIncrement: "The used table type doesn't support AUTO_INCREMENT columns",
	ValuesWithoutColumns:         "Each row of a VALUES clause must have at least one column, unless when used as source in an INSERT statement.",
	ValuesWithDefault:            "A VALUES clause cannot use DEFAULT values, unless used as a source in an INSERT statement.",
	ParseErrorInDigest:           "Could not parse argument to digest function: \"%s\".",
	UnknownKeyCache:              "Unknown key cache '%-.100s'",
	UserLimitReached:             "User '%-.64s' has exceeded the '%s' resource (current value: %d)",
	TooManyUserConnections:       "User %-.64s already has more than 'max_user_connections' active connections",
	NotSupportedYet:              "This version of cloudsql doesn't yet support '%s'",
	CutValueGroupConcat:          "Row %d was cut by GROUP_CONCAT()",
	ViewInvalid:                  "View '%s.%s' references invalid table(s) or column(s) or function(s) or definer/invoker of view lack rights to use them",
	WarnViewMerge:                "View merge algorithm can't be used here for now (assumed undefined algorithm)",
	ViewRecursive:                "`%s`.`%s` contains view recursion",
	ViewWrongList: "In definition of view, derived table or common table expression, SELECT list and column names list have " +
		"different column counts",
	RowIsReferenced2:            "Cannot delete or update a parent row: a foreign key constraint fails (%s)",
	NoReferencedRow2:            "Cannot add or update a child row: a foreign key constraint fails (%s)",
	MaxPreparedStmtCountReached: "Can't create more than max_prepared_stmt_count statements (current value: %d)",
	PartitionRequiresValues:     "Syntax error: %-.64s PARTITIONING requires definition of VALUES %-.64s for each partition",
	ForeignKeyOnPartitioned:     "Foreign keys are not yet supported in conjunction with partitioning",
	UniqueKeyNeedAllFieldsInPf: "A %-.192s must include all columns in the table's partitioning function (prefixed columns " +
		"are not considered).",
	DupEntryWithKeyName: "Duplicate entry '%-.64s' for key '%-.385s'",
	MustChangePassword: "You must reset your password using ALTER USER statement before executing this " +
		"statement.",
	UserLockWrongName: "Incorrect user-level lock name '%s'.",
	UserLockDeadlock: "Deadlock found when trying to get user-level lock; try rolling back transaction/releasing locks and " +
		"restarting lock acquisition.",
	FieldInOrderNotSelect: "Expression #%d of %s is not in SELECT list, references column '%s' which is not in SELECT " +
		"list; this is incompatible with %s",
	InvalidJSONText: "Invalid JSON text: \"%s\" at position %d in value for column '%-.200s'.",
	InvalidJSONPath: "Invalid JSON path expression. The error is around character position %d.",
	JSONUsedAsKey: "JSON column '%-.192s' supports indexing only via generated columns on a specified JSON " +
		"path.",
	InvalidJSONValueForCast: "Invalid JSON value for CAST to %s from column %s at row %d",
	UnknownAuthID:           "Unknown authorization ID `%s`@`%s`",
	IllegalPrivilegeLevel:   "Illegal privilege level specified for %s",
	MandatoryRole: "The role %s is a mandatory role and can't be revoked or dropped. The restriction can be lifted by excluding the role " +
		"identifier from the global variable mandatory_roles.",
	DynamicPrivilegeNotRegistered: "Dynamic privilege '%s' is not registered with the server.",
	RoleGrantedToItself:           "User account %s is directly or indirectly granted to the role %s. The GRANT would create a loop",
	AuthIDNotExists:               "Authorization ID %s does not exist.",
	AuthIDExists:                  "Authorization ID %s already exists.",
	InvalidUserAttributeJSON:      "The user attribute must be a valid JSON object",
	CapacityExceeded:              "Memory capacity of %d bytes for '%s' exceeded. %s",
	NoSystemTableAccess:           "Access to %s '%s' is rejected.",
	UnresolvedTableLock:           "Unresolved table name `%s` in locking clause.",
	DuplicateTableLock:            "Table `%s` appears in multiple locking clauses.",
	CTERecursiveRequiresUnion:     "Recursive Common Table Expression '%s' should contain a UNION",
	CTERecursiveRequiresSeed: "Recursive Common Table Expression '%s' should have one or more non-recursive query blocks followed by " +
		"one or more recursive ones",
	CTERecursiveForbidsAggregation: "Recursive Common Table Expression '%s' can contain neither aggregation nor window functions in " +
		"recursive query block",
	DefaultAsValGenerated: "DEFAULT function cannot be used with default value expressions",
	WindowInvalidWindowFuncAliasUse: "You cannot use the alias '%s' of an expression containing a window function in this " +
		"context.",
	CTEMaxRecursionDepth: "Recursive query aborted after %d iterations. Try increasing @@cte_max_recursion_depth to " +
		"a larger value.",
	RegexpIllegalArgument:      "Illegal argument to a regular expression.",
	RegexpIndexOutOfBounds:     "Index out of bounds in regular expression search.",
	RegexpRuleSyntax:           "Syntax error in regular expression on line %d, character %d.",
	RegexpBadEscape:            "Unrecognized escape sequence in regular expression.",
	RegexpMismatchedParen:      "Mismatched parenthesis in regular expression.",
	RegexpMissingCloseBracket:  "The regular expression contains an unclosed bracket expression.",
	RegexpTimeOut:              "Timeout exceeded in regular expression match.",
	NoReferencedRow:            "Cannot add or update a child row: a foreign key constraint fails",
	RowIsReferenced:            "Cannot delete or update a parent row: a foreign key constraint fails",
	WrongFKDef:                 "Incorrect foreign key definition for '%-.192s': %s",
	FKOptionForGenerated:       "Cannot define foreign key with %s clause on a generated column.",
	FKBaseOfStored:             "Cannot add foreign key on the base column of stored column.",
	FKVirtualColumn:            "Foreign key '%s' uses virtual column '%s' which is not supported.",
	CheckUsesFKColumn:          "Column '%s' cannot be used in a check constraint '%s': needed in a foreign key constraint '%s' referential action.",
	TruncateIllegalFK:          "Cannot truncate a table referenced in a foreign key constraint (%s)",
	ForeignKeyCascadeDepth:     "Foreign key cascade delete/update exceeds max depth of %d.",
	FKIncompatibleColumns:      "Referencing column '%s' and referenced column '%s' in foreign key constraint '%s' are incompatible.",
	ForeignKeyWithCreateSelect: "Foreign key creation is not allowed with CREATE TABLE as SELECT statement.",
	CannotDropTableWithFK:      "Cannot drop table '%s' referenced by a foreign key constraint '%s' on table '%s'.",
	FKNoColumnParent: "Failed to add the foreign key constraint. Missing column '%s' for constraint '%s' in the " +
		"referenced table '%s'",
	TableWithoutPK: "Unable to create or change a table without a primary key, when the system variable 'sql_require_primary_key' is set. " +
		"Add a primary key to the table or unset this variable to avoid this message. Note that tables without a primary key can " +
		"cause performance problems in row-based replication, so please consult your DBA before changing this setting.",
	DefaultFunctionNotAllowed:      "Default value expression of column '%s' contains a disallowed function: %s.",
	GivenGeneratedColumn:           "The value specified for generated column '%s' in table '%s' is not allowed.",
	FunctionalIndexOnJSON:          "Cannot create a functional index on a function that returns a JSON or GEOMETRY value.",
	FunctionalIndexOfAutoIncrement: "Functional index '%s' cannot refer to an auto-increment column.",
	FunctionalIndexNeedsColumn: "Cannot drop column '%s' because it is used by a functional index. In order to drop the column, you must " +
		"remove the functional index.",
	FunctionalIndexOnLob:         "Cannot create a functional index on an expression that returns a BLOB or TEXT. Please consider using CAST.",
	FunctionalIndexFunction:      "Expression of functional index '%s' contains a disallowed function.",
	FunctionalIndexOnField:       "Functional index on a column is not supported. Consider using a regular index instead.",
	FunctionalIndexDependency:    "Column '%s' has a functional index dependency and cannot be dropped or renamed.",
	GeneratedNamedFunction:       "Expression of generated column '%s' contains a disallowed function: %s.",
	GeneratedRowValue:            "Expression of generated column '%s' cannot refer to a row value.",
	GeneratedVariables:           "Expression of generated column '%s' cannot refer user or system variables.",
	CheckFunctionNotAllowed:      "An expression of a check constraint '%s' contains disallowed function.",
	CheckVariables:               "An expression of a check constraint '%s' cannot refer to a user or system variable.",
	CheckRowValue:                "Check constraint '%s' cannot refer to a row value.",
	CheckRefersAutoIncrement:     "Check constraint '%s' cannot refer to an auto-increment column.",
	MultipleConstraints:          "Table has multiple constraints with the name '%s'. Please use constraint specific 'DROP' clause.",
	NoVisibleColumn:              "A table must have at least one visible column.",
	CheckNotBoolean:              "An expression of non-boolean type specified to a check constraint '%s'.",
	CheckRefersOtherColumn:       "Column check constraint '%s' references other column.",
	CheckNamedFunctionNotAllowed: "An expression of a check constraint '%s' contains disallowed function: %s.",
	CheckViolated:                "Check constraint '%s' is violated.",
	CheckRefersUnknownColumn:     "Check constraint '%s' refers to non-existing column '%s'.",
	CheckNotFound:                "Check constraint '%s' is not found in the table.",
	CheckDuplicateName:           "Duplicate check constraint name '%s'.",
	PasswordExpireAnonymousUser:  "The password for anonymous user cannot be expired.",
	CredentialsContradictHistory: "Cannot use these credentials for '%s@%s' because they contradict the password history policy",
	SecondPasswordEmpty:          "Empty password can not be retained as second password for user '%s'@'%s'.",
	IncorrectCurrentPassword:     "Incorrect current password. Specify the correct password which has to be replaced.",
	MissingCurrentPassword:       "Current password needs to be specified in the REPLACE clause in order to change it.",
	CurrentPasswordNotRequired:   "Do not specify the current password while changing it for other users.",
	UnsupportedUseOfGrantAs:      "GRANT ... AS is currently supported only for global privileges.",
	UnknownAuthIDOfGrantAs:       "Either some of the authorization IDs in the AS clause are invalid or the current user lacks privileges to execute the statement.",
	DBAccessDeniedForAuthID:      "Access denied for AuthId `%s`@`%s` to database '%s'.",
	PartialRevokesExist:          "At least one partial revoke exists on a database. The system variable '@@%s' must be set to ON.",
	NotRetainedOnPluginChange:    "Current password can not be retained for user '%s'@'%s' because authentication plugin is being changed.",
	PasswordNotRetained:          "Current password can not be retained for user '%s'@'%s' because new password is empty.",
	AccountBlocked: "Access denied for user '%s'@'%s'. Account is blocked for %s day(s) (%s day(s) remaining) due to %d consecutive " +
		"failed logins.",
	ConstraintNotFound:   "Constraint '%s' does not exist.",
	FileWrite:            "Error writing file '%s' (OS errno %d - %s)",
	MisplacedInto:        "Misplaced INTO clause, INTO is not allowed inside subqueries, and must be placed at end of UNION clauses.",
	FileNotCreated:       "Can't create/write to file '%s' (OS errno %d - %s)",
	Stat:                 "Can't get stat of '%s' (OS errno %d - %s)",
	FileNotFound:         "File '%s' not found (OS errno %d - %s)",
	LocalInfileDisabled:  "Loading local data is disabled; this must be enabled on both the client and server sides",
	ColumnUsedByCheck:    "Check constraint '%s' uses column '%s', hence column cannot be dropped or renamed.",
	CharacterSetMismatch: "Character set '%s' cannot be used in conjunction with '%s' in call to %s.",
	ClientInteractionTimeout: "The client was disconnected by the server because of inactivity. See wait_timeout and interactive_timeout for " +
		"configuring this behavior.",
}

// states holds the SQLSTATEs that the parser's table lacks or has otherwise.
var states = map[uint16]string{
	MissingJSONTableValue:   "22035",
	WrongJSONTableValue:     "2203F",
	InvalidJSONType:         "22032",
	MissingJSONValue:        "22035",
	MultipleJSONValues:      "22034",
	TFMustHaveAlias:         "42000",
	JTValueOutOfRange:       "22003",
	JTMaxNestedPath:         "42000",
	InvalidJSONText:         "22032",
	InvalidJSONTextInParam:  "22032",
	UserLockWrongName:       "42000",
	InvalidJSONValueForCast: "22018",
	JSONUsedAsKey:           "42000",
	TruncatedWrongValue:     "22007",
	NoStackedDiagnostics:    "0Z002",
	LocalInfileDisabled:     "42000",
	NoReferencedRow:         "23000",
	RowIsReferenced:         "23000",
	TruncateIllegalFK:       "42000",
	WrongFKDef:              "42000",
}
