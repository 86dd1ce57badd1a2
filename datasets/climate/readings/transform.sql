-- One reading becomes one row. -999 is what stations send for "not measured".
SELECT
  upper(trim(station)) AS station,
  measured_at,
  nullif(temperature, -999) AS temperature_c,
  nullif(humidity, -999) AS humidity,
  nullif(pressure, -999) AS pressure_hpa,
  nullif(trim(remark), '') AS remark,
  upper(trim(station)) || ' ' || strftime(measured_at, '%Y-%m-%dT%H:%M') AS reading,
  _extra
FROM input
ORDER BY station, measured_at
