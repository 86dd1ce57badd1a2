-- One source record becomes one row. `input` holds the records of one object, with the columns of the manifest's input.
SELECT
  id,
  name,
  recclass,
  mass AS mass_g,
  fall,
  year(year) AS year,
  reclat AS latitude,
  reclong AS longitude
FROM input
ORDER BY id
