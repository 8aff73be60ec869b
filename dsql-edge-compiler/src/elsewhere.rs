//! Lists PostgreSQL's counterparts of the functions, columns and types of other databases.
//!
//! Input: a name that PostgreSQL does not have. Output: PostgreSQL's form, for a hint.

/// Returns PostgreSQL's counterpart of a function.
pub(crate) fn function(name: &str) -> Option<&'static str> {
    Some(match name {
        "ifnull" | "nvl" | "isnull" => "coalesce(a, b)",
        "iif" | "if" | "nvl2" => "CASE WHEN condition THEN a ELSE b END",
        "choose" | "elt" => "CASE value WHEN 1 THEN a WHEN 2 THEN b END",
        "group_concat" | "listagg" | "wm_concat" => "string_agg(value, ',')",
        "getdate" | "sysdate" | "curdate" | "utc_timestamp" | "getutcdate" | "sysdatetime" | "datetime"
        | "systimestamp" => "now()",
        "curtime" => "current_time",
        "julianday" => "extract(julian FROM time)",
        "len" | "datalength" => "length(text)",
        "rand" | "newrandom" => "random()",
        "uuid" | "newid" | "uuid_generate_v4" | "sys_guid" | "randomuuid" | "random_uuid"
        | "generate_uuid" | "generateuuid" | "gen_uuid" | "uuid_generate" | "uuid_v4" | "uuidv4" => {
            "gen_random_uuid()"
        }
        "date_format" | "strftime" | "time_format" => "to_char(time, 'YYYY-MM-DD')",
        "str_to_date" | "parsedatetime" => "to_timestamp(text, 'YYYY-MM-DD')",
        "dayname" | "weekdayname" => "to_char(time, 'Day')",
        "monthname" => "to_char(time, 'Month')",
        "unix_timestamp" | "unixepoch" => "extract(epoch FROM time)",
        "from_unixtime" => "to_timestamp(seconds)",
        "datediff" | "date_diff" | "timestampdiff" | "timestamp_diff" | "months_between" => {
            "a - b, or age(a, b)"
        }
        "date_add" | "dateadd" | "adddate" | "timestampadd" => "time + interval '1 day'",
        "date_sub" | "subdate" => "time - interval '1 day'",
        "year" => "extract(year FROM time)",
        "quarter" => "extract(quarter FROM time)",
        "month" => "extract(month FROM time)",
        "week" | "weekofyear" => "extract(week FROM time)",
        "day" | "dayofmonth" => "extract(day FROM time)",
        "dayofweek" | "weekday" => "extract(dow FROM time)",
        "dayofyear" => "extract(doy FROM time)",
        "hour" => "extract(hour FROM time)",
        "minute" => "extract(minute FROM time)",
        "second" => "extract(second FROM time)",
        "datepart" => "extract(field FROM time)",
        "last_day" | "eomonth" => "date_trunc('month', time) + interval '1 month - 1 day'",
        "add_months" => "time + interval '1 month'",
        "instr" | "charindex" | "locate" => "strpos(text, part)",
        "contains" => "strpos(text, part) > 0, or text LIKE '%part%'",
        "mid" => "substr(text, start, length)",
        "substring_index" => "split_part(text, ',', 1)",
        "find_in_set" => "value = ANY (string_to_array(list, ','))",
        "last_insert_id" | "last_insert_rowid" | "scope_identity" => "RETURNING id, at the end of the INSERT",
        "changes" | "row_count" | "found_rows" => "the number that .execute(…) returns",
        "json_extract" | "json_value" => "json -> 'key', or json ->> 'key' for text",
        "json_unquote" => "json ->> 'key'",
        "json_contains" => "json @> '{\"key\": 1}'",
        "json_array" => "json_build_array(a, b)",
        "json_object" => "json_build_object('key', value)",
        "json_arrayagg" | "json_group_array" => "json_agg(value)",
        "json_objectagg" | "json_group_object" => "json_object_agg(key, value)",
        "ucase" => "upper(text)",
        "lcase" => "lower(text)",
        "space" => "repeat(' ', n)",
        "replicate" => "repeat(text, n)",
        "printf" => "format('%s', value)",
        "truncate" => "trunc(number, digits)",
        "median" => "percentile_cont(0.5) WITHIN GROUP (ORDER BY value)",
        "first" => "(array_agg(value ORDER BY key))[1]",
        "last" => "(array_agg(value ORDER BY key DESC))[1]",
        "total" => "sum(value)",
        "stdev" | "std" => "stddev(value)",
        "var" => "variance(value)",
        "hex" => "encode(bytes, 'hex'), or to_hex(number)",
        "unhex" => "decode(text, 'hex')",
        "sha1" | "sha2" => "encode(sha256(bytes), 'hex')",
        "isnumeric" => "text ~ '^[0-9]+$'",
        "try_cast" | "try_convert" | "convert" => "value::type",
        "top" => "LIMIT, at the end of the query",
        _ => return None,
    })
}

/// Returns the advice for a name that is not a column: a word of another database (`rownum`), a function without its
/// parentheses (`now`), or a unit of time (`day`).
pub(crate) fn column(name: &str) -> Option<&'static str> {
    Some(match name {
        "now" | "sysdate" | "getdate" | "systimestamp" | "curdate" => "write now()",
        "rownum" => "write LIMIT at the end of the query, or row_number() OVER (ORDER BY …)",
        "rowid" => "write the column of the primary key",
        "sql_calc_found_rows" => "write count(*) OVER () as a column",
        "second" | "minute" | "hour" | "day" | "week" | "month" | "quarter" | "year" => {
            "a unit of time is a string: 'day'"
        }
        _ => return None,
    })
}

/// Returns PostgreSQL's counterpart of a type.
pub(crate) fn type_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" | "nvarchar2" | "varchar2" | "clob" | "nclob" | "ntext" | "longtext" | "mediumtext"
        | "tinytext" => "text",
        "nvarchar" | "nchar" => "varchar",
        "datetime" | "datetime2" | "smalldatetime" | "datetimeoffset" => "timestamptz",
        "long" | "signed" | "unsigned" => "bigint",
        "number" => "numeric",
        "tinyint" => "smallint, or boolean",
        "year" => "smallint",
        "mediumint" => "integer",
        "double" => "double precision",
        "blob" | "binary" | "varbinary" | "tinyblob" | "mediumblob" | "longblob" | "raw" | "image" => "bytea",
        "uniqueidentifier" | "guid" => "uuid",
        _ => return None,
    })
}
