-- Who looked at which page. ${analyticsBucket} is the bucket of the lake that the file is run in.
CREATE EXTERNAL TABLE IF NOT EXISTS visits (
  page string,
  visitor string,
  seconds int
)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
STORED AS TEXTFILE
LOCATION 's3://${analyticsBucket}/warehouse/visits/';
