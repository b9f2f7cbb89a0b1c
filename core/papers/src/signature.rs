//! Signatures drawn on a screen, and what stands where none is.
//!
//! *Shape*: `{"role":"被询问人","name":"张三","on":"2020-03-20","strokes":{"width":1000,"height":400,"lines":[[x,y,x,y,…],…]}}`, or `refused` with the
//! reason instead of `strokes`, or neither: a line to sign on. Coordinates are integers from the left upper corner. Strokes of an act on site stand
//! as they were signed: a list of strokes, each a list of points `[x,y,t,pressure]`.

use zhixing_protocol::canonical::Value;
use zhixing_protocol::time::Date;

/// Largest side of the field on which a signature is drawn.
const MAX_SIDE: i64 = 1_000_000;
/// Most points of one signature.
const MAX_POINTS: usize = 20_000;

/// What stands on one line to sign on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Who signs, such as 被询问人.
    pub role: String,
    /// Printed name, if known.
    pub name: String,
    /// The day beside it.
    pub on: Option<Date>,
    /// What is there.
    pub mark: Mark,
}

/// What is on the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Nothing: it is signed on paper.
    Blank,
    /// Drawn on a screen; it is labelled as that.
    Drawn(Strokes),
    /// Not signed, and why.
    Refused(String),
}

/// Lines drawn with a finger or pen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strokes {
    /// Width of the field.
    pub width: i64,
    /// Height of the field.
    pub height: i64,
    /// Lines as points.
    pub lines: Vec<Vec<(i64, i64)>>,
}

impl Signature {
    /// Reads one. *Errors*: what is wrong and what to do.
    pub fn read(value: &Value) -> Result<Self, String> {
        let Value::Object(members) = value else {
            return Err("expected an object with `role`".into());
        };
        let known = ["role", "name", "on", "strokes", "refused"];
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!(
                "{name:?} is not known here; there are {}",
                known.join(", ")
            ));
        }
        let text = |name: &str| -> Result<String, String> {
            match members.get(name) {
                None | Some(Value::Null) => Ok(String::new()),
                Some(Value::Text(text)) if text.chars().any(char::is_control) => {
                    Err(format!("`{name}` holds a control character; take it out"))
                }
                Some(Value::Text(text)) if text.chars().count() > 200 => Err(format!(
                    "`{name}` is longer than 200 characters; shorten it"
                )),
                Some(Value::Text(text)) => Ok(text.trim().to_owned()),
                Some(_) => Err(format!("`{name}` is no text")),
            }
        };
        let role = text("role")?;
        if role.is_empty() {
            return Err("`role` is missing: who signs, such as 被询问人".into());
        }
        let on = match text("on")?.as_str() {
            "" => None,
            day => Some(
                day.parse()
                    .map_err(|_| format!("`on` {day} is no date such as 2020-03-10"))?,
            ),
        };
        let refused = text("refused")?;
        let mark = match members.get("strokes") {
            None | Some(Value::Null) if refused.is_empty() => Mark::Blank,
            None | Some(Value::Null) => Mark::Refused(refused),
            Some(_) if !refused.is_empty() => {
                return Err("both `strokes` and `refused`; leave one out".into());
            }
            Some(strokes) => Mark::Drawn(Strokes::read(strokes)?),
        };
        Ok(Self {
            role,
            name: text("name")?,
            on,
            mark,
        })
    }
}

impl Strokes {
    /// Strokes as an act has them: points `[x, y, t, pressure]` in 1/10,000 of a canvas, which is taken to be five wide and two high.
    fn of_act(strokes: &[Value]) -> Result<Self, String> {
        let wrong = "strokes of an act are lists of points [x,y,t,pressure], each from 0 to 10000";
        let mut points = 0_usize;
        let mut lines = Vec::new();
        for stroke in strokes {
            let Value::Array(stroke) = stroke else {
                return Err(wrong.into());
            };
            let mut line = Vec::new();
            for point in stroke {
                let (x, y) = match point {
                    Value::Array(numbers) => match numbers.as_slice() {
                        [Value::Integer(x), Value::Integer(y), ..] => (*x, *y),
                        _ => return Err(wrong.into()),
                    },
                    _ => return Err(wrong.into()),
                };
                if !(0..=10_000).contains(&x) || !(0..=10_000).contains(&y) {
                    return Err(wrong.into());
                }
                line.push((x, y * 2 / 5));
            }
            points += line.len();
            lines.push(line);
        }
        if points == 0 || points > MAX_POINTS {
            return Err(format!(
                "a signature has at least one point and at most {MAX_POINTS}"
            ));
        }
        Ok(Self {
            width: 10_000,
            height: 4_000,
            lines,
        })
    }

    fn read(value: &Value) -> Result<Self, String> {
        if let Value::Array(strokes) = value {
            return Self::of_act(strokes);
        }
        let side = |name: &str| {
            value
                .get(name)
                .and_then(Value::as_integer)
                .filter(|side| (1..=MAX_SIDE).contains(side))
                .ok_or_else(|| {
                    format!("`strokes.{name}` must be a whole number from 1 to {MAX_SIDE}")
                })
        };
        let (width, height) = (side("width")?, side("height")?);
        let Some(Value::Array(lines)) = value.get("lines") else {
            return Err("`strokes.lines` must be a list of lines, each [x,y,x,y,…]".into());
        };
        let mut points = 0_usize;
        let lines = lines
            .iter()
            .map(|line| {
                let Value::Array(numbers) = line else {
                    return Err("a line of `strokes` must be [x,y,x,y,…]".to_owned());
                };
                points += numbers.len() / 2;
                if numbers.len() % 2 != 0 || numbers.is_empty() || points > MAX_POINTS {
                    return Err(format!("a line of `strokes` has an odd number of coordinates or none, or there are more than {MAX_POINTS} points"));
                }
                numbers
                    .chunks(2)
                    .map(|pair| match pair {
                        [Value::Integer(x), Value::Integer(y)] => Ok(((*x).clamp(0, width), (*y).clamp(0, height))),
                        _ => Err("coordinates of `strokes` must be whole numbers".to_owned()),
                    })
                    .collect()
            })
            .collect::<Result<Vec<Vec<_>>, _>>()?;
        if lines.is_empty() {
            return Err(
                "`strokes` holds no line: nothing was drawn; leave it out or let the person sign"
                    .into(),
            );
        }
        Ok(Self {
            width,
            height,
            lines,
        })
    }
}
