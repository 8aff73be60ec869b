-- After this statement, the schema is not known: an unknown name is a warning.
CALL more_tables();
SELECT id FROM made_by_a_procedure;
SELECT 1 + true;
