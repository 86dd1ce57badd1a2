-- Which pages there are.
CREATE EXTERNAL TABLE IF NOT EXISTS pages (
  page string,
  title string
)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
STORED AS TEXTFILE
LOCATION 's3://${analyticsBucket}/warehouse/pages/';
