//! Appends one client order with the crates redis 1 and serde_json 1, then reads the channel's last entry back.

use redis::streams::StreamRangeReply;
use redis::Commands;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let namespace = std::env::var("NAMESPACE").unwrap_or("trading".into());
    let url = std::env::var("REDIS_URL").unwrap_or("redis://127.0.0.1:6379".into());
    let stream = format!("{{{namespace}:0}}:client-orders");
    let mut redis = redis::Client::open(url)?.get_connection()?;

    let order = serde_json::json!({
        "id": "rs-1", "userId": "ann", "symbol": "AAPL", "side": "buy",
        "price": "577.50", "quantity": 100, "orderType": "limit",
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis().to_string();
    let payload = order.to_string();
    // The same fields in this order for every entry: Redis then stores their names once for many.
    let fields = [
        ("id", "order:ann:rs-1"), // unique by itself; any text of 1 to 256 characters
        ("time", now.as_str()),
        ("key", "AAPL"),
        ("payload", payload.as_str()),
        ("baggage", "user.id=ann,client.order_id=rs-1"),
    ];
    let entry_id: String = redis.xadd(&stream, "*", &fields)?;
    println!("appended {entry_id}");

    let last: StreamRangeReply = redis.xrevrange_count(&stream, "+", "-", 1)?;
    for entry in last.ids {
        let id: Option<String> = entry.get("id");
        let payload: String = entry.get("payload").ok_or("no payload")?;
        let order: serde_json::Value = serde_json::from_str(&payload)?;
        println!("read {} {} {}", entry.id, id.unwrap_or_default(), order["id"]);
    }
    Ok(())
}
