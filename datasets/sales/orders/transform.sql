-- One item of an order becomes one row. An order without items has none.
SELECT
  order_id,
  line,
  ordered_at,
  customer,
  city,
  country,
  channel,
  item.sku AS sku,
  item.quantity AS quantity,
  item.quantity * item.unitPrice AS amount,
  item.discounts AS discounts,
  _extra
FROM (
  SELECT *, unnest(items) AS item, generate_subscripts(items, 1) AS line
  FROM input
)
ORDER BY order_id, line
