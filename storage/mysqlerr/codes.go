package mysqlerr

// Codes of MySQL 8.0 that the parser's table lacks.
const (
	InvalidJSONValueForCast = 3156 // ER_INVALID_JSON_VALUE_FOR_CAST
)
