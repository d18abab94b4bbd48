//! Plain text of an answer: LaTeX and typography rewritten to the few characters that the grammar of numerals knows.
//!
//! | written | becomes |
//! |---|---|
//! | `\text{cm}`, `\mathrm{cm}`, `\textbf{12}` | the content |
//! | `\hspace{2cm}`, `\tag{1}`, `\phantom{0}` | nothing |
//! | `\!`, `\left`, `\displaystyle`, invisible characters | nothing |
//! | `\,`, `\;`, `\:` | a thin space |
//! | `\times`, `\cdot`, `\div`, `\approx`, `\pi`, `\circ`, `\ldots` | the symbol |
//! | `\$`, `\%`, `{,}` | `$`, `%`, `,` |
//! | `\dfrac`, `\tfrac`, `\cfrac`, `\nicefrac`, `\sfrac` | `\frac` |
//! | `\fbox`, `\framebox` | `\boxed` |
//! | `½`, `³⁄₄` | `\frac{1}{2}`, `\frac{3}{4}` |
//! | `10⁸`, `10<sup>8</sup>`, `x₁` | `10^{8}`, `10^{8}`, `x_{1}` |
//! | full-width characters, digits of other scripts | ASCII |
//! | `−`, `–`, `‐`, fraction slashes | `-`, `/` |
//! | `<<3*4=12>>`, the calculator notes of GSM8K | nothing |
//!
//! Linear in the length of the text.

/// The `{` of a LaTeX set (`\{`), which groups nothing.
pub const SET_OPEN: char = '⦃';
/// The `}` of a LaTeX set (`\}`).
pub const SET_CLOSE: char = '⦄';

/// Commands whose argument is text like the text around it.
const WRAPPERS: &[&str] = &[
    "text",
    "textrm",
    "textbf",
    "textit",
    "textsf",
    "texttt",
    "textnormal",
    "textup",
    "mbox",
    "hbox",
    "mathrm",
    "mathbf",
    "mathit",
    "mathsf",
    "mathtt",
    "mathnormal",
    "operatorname",
    "emph",
    "boldsymbol",
    "bm",
    "ensuremath",
    "underline",
    "mathop",
    "unit",
    "si",
];

/// Commands that print nothing themselves.
const SILENT: &[&str] = &[
    "left",
    "right",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
    "biggl",
    "biggr",
    "displaystyle",
    "textstyle",
    "scriptstyle",
    "rm",
    "bf",
    "it",
    "sf",
    "tt",
    "limits",
    "nolimits",
    "noindent",
    "nonumber",
    "hfill",
    "allowbreak",
    "nobreak",
    "negthinspace",
    "middle",
];

/// Commands whose argument is not printed, or not the answer's.
const HIDDEN: &[&str] = &[
    "hspace",
    "vspace",
    "mspace",
    "phantom",
    "hphantom",
    "vphantom",
    "color",
    "textcolor",
    "label",
    "tag",
    "ref",
    "eqref",
];

/// Commands that print one thing, which is written as these characters.
const SYMBOLS: &[(&str, &str)] = &[
    ("times", "×"),
    ("cdot", "·"),
    ("ast", "*"),
    ("div", "÷"),
    ("pm", "±"),
    ("mp", "±"),
    ("approx", "≈"),
    ("simeq", "≈"),
    ("cong", "≈"),
    ("equiv", "≡"),
    ("ne", "≠"),
    ("neq", "≠"),
    ("le", "≤"),
    ("leq", "≤"),
    ("ge", "≥"),
    ("geq", "≥"),
    ("lt", "<"),
    ("gt", ">"),
    ("circ", "°"),
    ("degree", "°"),
    ("textdegree", "°"),
    ("pi", "π"),
    ("infty", "∞"),
    ("ldots", "…"),
    ("dots", "…"),
    ("cdots", "…"),
    ("dotsc", "…"),
    ("dotsb", "…"),
    ("sqrt", "√"),
    ("quad", " "),
    ("qquad", " "),
    ("enspace", " "),
    ("space", " "),
    ("thinspace", "\u{2009}"),
    ("to", "→"),
    ("rightarrow", "→"),
    ("Rightarrow", "⇒"),
    ("implies", "⇒"),
    ("textdollar", "$"),
    ("pounds", "£"),
    ("euro", "€"),
    ("percent", "%"),
    ("colon", ":"),
    ("prime", "'"),
    ("mu", "μ"),
    ("Omega", "Ω"),
    ("theta", "θ"),
    ("phi", "φ"),
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("lambda", "λ"),
    ("sigma", "σ"),
    ("omega", "ω"),
    ("lbrack", "["),
    ("rbrack", "]"),
    ("lbrace", "⦃"),
    ("rbrace", "⦄"),
    ("langle", "⟨"),
    ("rangle", "⟩"),
    ("newline", "\n"),
    ("dfrac", "\\frac"),
    ("tfrac", "\\frac"),
    ("cfrac", "\\frac"),
    ("nicefrac", "\\frac"),
    ("sfrac", "\\frac"),
    ("fbox", "\\boxed"),
    ("framebox", "\\boxed"),
    ("bar", "\\overline"),
];

/// Code points of the digit 0 in scripts whose digits follow one another.
const ZEROS: &[u32] = &[
    0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0e50,
    0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0xff10, 0x1_d7ce, 0x1_d7d8, 0x1_d7e2, 0x1_d7ec, 0x1_d7f6,
];

/// Fractions that are one character.
const VULGAR: &[(char, &str)] = &[
    ('½', "\\frac{1}{2}"),
    ('⅓', "\\frac{1}{3}"),
    ('⅔', "\\frac{2}{3}"),
    ('¼', "\\frac{1}{4}"),
    ('¾', "\\frac{3}{4}"),
    ('⅕', "\\frac{1}{5}"),
    ('⅖', "\\frac{2}{5}"),
    ('⅗', "\\frac{3}{5}"),
    ('⅘', "\\frac{4}{5}"),
    ('⅙', "\\frac{1}{6}"),
    ('⅚', "\\frac{5}{6}"),
    ('⅐', "\\frac{1}{7}"),
    ('⅛', "\\frac{1}{8}"),
    ('⅜', "\\frac{3}{8}"),
    ('⅝', "\\frac{5}{8}"),
    ('⅞', "\\frac{7}{8}"),
    ('⅑', "\\frac{1}{9}"),
    ('⅒', "\\frac{1}{10}"),
    ('↉', "\\frac{0}{3}"),
];

/// A calculator note longer than this is text.
const LONGEST_NOTE: usize = 120;

/// `text` in plain characters.
pub fn plain(text: &str) -> Vec<char> {
    let chars: Vec<char> = text.chars().collect();
    let mut rewriting = Rewriting {
        chars: &chars,
        at: 0,
        out: Vec::with_capacity(chars.len()),
        braces: Vec::new(),
    };
    while rewriting.at < chars.len() {
        rewriting.step();
    }
    rewriting.out
}

struct Rewriting<'a> {
    chars: &'a [char],
    at: usize,
    out: Vec<char>,
    /// For each open brace, whether it is written.
    braces: Vec<bool>,
}

impl Rewriting<'_> {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn follows(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(n, c)| self.peek(n) == Some(c))
    }

    fn write(&mut self, text: &str) {
        self.out.extend(text.chars());
    }

    fn step(&mut self) {
        let c = self.chars[self.at];
        match c {
            '\\' => self.command(),
            '{' if matches!(self.peek(1), Some(',' | '.' | ':')) && self.peek(2) == Some('}') => {
                self.out.push(self.chars[self.at + 1]);
                self.at += 3;
            }
            '{' => {
                self.braces.push(true);
                self.keep(c);
            }
            '}' => {
                if self.braces.pop().unwrap_or(true) {
                    self.keep(c);
                } else {
                    self.at += 1;
                }
            }
            '<' if self.calculator_note() => {}
            '<' if self.follows("<sup>") => self.replace(5, "^{"),
            '<' if self.follows("</sup>") => self.replace(6, "}"),
            '<' if self.follows("<sub>") => self.replace(5, "_{"),
            '<' if self.follows("</sub>") => self.replace(6, "}"),
            '~' => self.replace(1, " "),
            _ if superscript(c).is_some() => self.raised(),
            _ if subscript(c).is_some() => self.script("_{", subscript),
            _ => self.character(c),
        }
    }

    fn keep(&mut self, c: char) {
        self.out.push(c);
        self.at += 1;
    }

    fn replace(&mut self, length: usize, text: &str) {
        self.write(text);
        self.at += length;
    }

    /// A character that stands for itself or for another.
    fn character(&mut self, c: char) {
        if let Some((_, fraction)) = VULGAR.iter().find(|(sign, _)| *sign == c) {
            return self.replace(1, fraction);
        }
        match c {
            _ if c.is_ascii() => self.keep(c),
            '−' | '–' | '‐' | '‑' | '﹣' => self.replace(1, "-"),
            '⁄' | '∕' => self.replace(1, "/"),
            '∗' => self.replace(1, "*"),
            '⋅' | '∙' => self.replace(1, "·"),
            '\u{3000}' => self.replace(1, " "),
            '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                self.at += 1;
            }
            '\u{ff01}'..='\u{ff5e}' => {
                let ascii = char::from_u32(c as u32 - 0xfee0).unwrap_or(c);
                self.out.push(ascii);
                self.at += 1;
            }
            _ => {
                let code = c as u32;
                let zero = ZEROS.iter().find(|&&zero| (zero..zero + 10).contains(&code));
                self.keep(zero.map_or(c, |zero| char::from(b'0' + (code - zero) as u8)));
            }
        }
    }

    /// `²`, or the upper half of `³⁄₄`.
    fn raised(&mut self) {
        let above: Vec<char> = self.chars[self.at..]
            .iter()
            .map_while(|&c| superscript(c))
            .collect();
        let bar = self.at + above.len();
        if matches!(self.chars.get(bar), Some('⁄' | '/' | '∕')) {
            let below: Vec<char> = self.chars[bar + 1..]
                .iter()
                .map_while(|&c| subscript(c))
                .collect();
            if !below.is_empty() {
                let (above, below): (String, String) = (above.iter().collect(), below.iter().collect());
                self.write(&format!("\\frac{{{above}}}{{{below}}}"));
                self.at = bar + 1 + below.len();
                return;
            }
        }
        self.script("^{", superscript);
    }

    fn script(&mut self, open: &str, digit: fn(char) -> Option<char>) {
        self.write(open);
        while let Some(c) = self.peek(0).and_then(digit) {
            self.keep(c);
        }
        self.out.push('}');
    }

    /// `<<3*4=12>>`, left out.
    fn calculator_note(&mut self) -> bool {
        if !self.follows("<<") {
            return false;
        }
        let rest = &self.chars[self.at + 2..];
        let length = rest
            .iter()
            .take(LONGEST_NOTE)
            .take_while(|&&c| c != '>' && c != '<')
            .count();
        let note = &rest[..length];
        let is_note = rest[length..].starts_with(&['>', '>'])
            && note.contains(&'=')
            && note
                .iter()
                .all(|&c| c.is_ascii_digit() || "+-*/=.,()$% ".contains(c));
        if is_note {
            self.at += length + 4;
        }
        is_note
    }

    /// A backslash and what belongs to it.
    fn command(&mut self) {
        let name: String = self.chars[self.at + 1..]
            .iter()
            .take(24)
            .take_while(|c| c.is_ascii_alphabetic())
            .collect();
        if name.is_empty() {
            return self.escape();
        }
        let end = self.at + 1 + name.len();
        if WRAPPERS.contains(&name.as_str()) {
            let brace = end + self.chars[end..].iter().take_while(|c| **c == ' ').count();
            if self.chars.get(brace) == Some(&'{') {
                self.braces.push(false);
                self.at = brace + 1;
                return;
            }
        }
        if HIDDEN.contains(&name.as_str()) && self.chars.get(end) == Some(&'{') {
            let argument = self.chars[end..]
                .iter()
                .take(LONGEST_NOTE)
                .position(|&c| c == '}');
            self.at = argument.map_or(end, |length| end + length + 1);
            return;
        }
        if SILENT.contains(&name.as_str()) || WRAPPERS.contains(&name.as_str()) {
            let point = matches!(name.as_str(), "left" | "right") && self.chars.get(end) == Some(&'.');
            self.at = end + usize::from(point);
        } else if let Some((_, symbol)) = SYMBOLS.iter().find(|(known, _)| *known == name) {
            self.replace(1 + name.len(), symbol);
        } else {
            self.out.push('\\');
            self.write(&name);
            self.at = end;
        }
    }

    /// A backslash before a character that is no letter.
    fn escape(&mut self) {
        match self.peek(1) {
            Some('!') => self.at += 2,
            Some(',' | ';' | ':' | '>') => self.replace(2, "\u{2009}"),
            Some('\\') => {
                self.replace(2, "\n");
                // The distance to the next line: `\\[4pt]`.
                if self.peek(0) == Some('[') {
                    let inside = &self.chars[self.at + 1..];
                    let length = inside
                        .iter()
                        .take(8)
                        .take_while(|c| c.is_ascii_alphanumeric() || **c == '.')
                        .count();
                    if length > 0 && inside.get(length) == Some(&']') {
                        self.at += length + 2;
                    }
                }
            }
            Some('{') => self.replace(2, "⦃"),
            Some('}') => self.replace(2, "⦄"),
            Some('(' | ')' | '[' | ']') => self.replace(2, "$"),
            Some(c) if c.is_ascii_punctuation() || c == ' ' => {
                self.out.push(c);
                self.at += 2;
            }
            _ => self.keep('\\'),
        }
    }
}

fn superscript(c: char) -> Option<char> {
    Some(match c {
        '⁰' => '0',
        '¹' => '1',
        '²' => '2',
        '³' => '3',
        '⁴'..='⁹' => char::from(b'4' + (c as u32 - '⁴' as u32) as u8),
        '⁻' => '-',
        '⁺' => '+',
        _ => return None,
    })
}

fn subscript(c: char) -> Option<char> {
    ('₀'..='₉')
        .contains(&c)
        .then(|| char::from(b'0' + (c as u32 - '₀' as u32) as u8))
}
