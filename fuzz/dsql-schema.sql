-- dsql-edge: dialect postgres
-- The types that the target `values` decodes.
CREATE TYPE status AS ENUM ('draft', 'sent');
CREATE TYPE shipment AS (parcels integer, status status, notes text[]);
