use super::number::{Number, Tolerance};
use super::{Matcher, Score, final_number};
use proptest::prelude::*;

const EXACTLY: Tolerance = Tolerance {
    absolute: 0.0,
    relative: 0.0,
};

fn score(expected: &str, actual: &str, tolerance: Tolerance) -> Score {
    Matcher::Numeric { tolerance }.score(expected, actual)
}

fn passes(expected: &str, actual: &str) -> bool {
    score(expected, actual, EXACTLY) == Score::Matched(1.0)
}

fn same(left: Option<&Number>, right: Option<&Number>) -> bool {
    left.zip(right)
        .is_some_and(|(left, right)| left.matches(right, EXACTLY))
}

fn number(plain: &str) -> Option<Number> {
    final_number::of_expected(plain)
}

/// Every text on the left is the number on the right, as an answer and as what is expected.
fn assert_read(table: &[(&str, &str)]) {
    for (text, value) in table {
        for read in [final_number::of_answer(text), final_number::of_expected(text)] {
            assert!(
                same(number(value).as_ref(), read.as_ref()),
                "{text:?} should be {value}, got {read:?}"
            );
        }
    }
}

/// The answer of every text on the left is the number on the right.
fn assert_answer(table: &[(&str, &str)]) {
    for (text, value) in table {
        let read = final_number::of_answer(text);
        assert!(
            same(number(value).as_ref(), read.as_ref()),
            "{text:?} should be {value}, got {read:?}"
        );
    }
}

mod a_number_is_read_as_people_write_it {
    use super::*;

    #[test]
    fn in_plain_digits() {
        assert_read(&[
            ("18", "18"),
            ("18.", "18"),
            ("+18", "18"),
            ("18.0", "18"),
            (".5", "0.5"),
            ("007", "7"),
            ("-5", "-5"),
            ("−5", "-5"),
            ("–5", "-5"),
            ("-.5", "-0.5"),
            ("x = - 5", "-5"),
            ("minus 5 degrees", "-5"),
            ("negative 2.5", "-2.5"),
            ("１２．５", "12.5"),
            ("－１，２３４", "-1234"),
            ("٤٢", "42"),
            ("१२", "12"),
            ("𝟏𝟐", "12"),
            ("1\u{200b}2", "12"),
            ("_12_", "12"),
            ("**12**", "12"),
            ("答案12个", "12"),
        ]);
    }

    #[test]
    fn with_thousands_separators() {
        assert_read(&[
            ("1,450,000", "1450000"),
            ("12,34,567.5", "1234567.5"),
            ("1,00,000", "100000"),
            ("10{,}000", "10000"),
            ("10,\\!080", "10080"),
            ("3,\\!110,\\!400", "3110400"),
            ("10\\,000", "10000"),
            ("10\u{202f}000", "10000"),
            ("10\u{a0}000.25", "10000.25"),
            ("1_234_567", "1234567"),
            ("1'234'567", "1234567"),
            ("1 234 567", "1234567"),
            ("10 000 km", "10000"),
        ]);
    }

    #[test]
    fn in_european_forms_that_can_mean_nothing_else() {
        assert_read(&[
            ("1.234,56", "1234.56"),
            ("1.234.567", "1234567"),
            ("1.234.567,8", "1234567.8"),
            ("1 234,56", "1234.56"),
            ("3,50 €", "3.5"),
            ("€3,50", "3.5"),
            ("€1.234,50", "1234.5"),
            ("1.234", "1.234"),
            ("0.125", "0.125"),
        ]);
        assert_no_number(&["1,5", "0,75", "1,2,3", "12,3456"]);
    }

    #[test]
    fn with_currency_percent_and_units() {
        assert_read(&[
            ("$18", "18"),
            ("$ 18.50", "18.5"),
            ("-$5", "-5"),
            ("$-5", "-5"),
            ("\\$5", "5"),
            ("\\$15,\\!000", "15000"),
            ("$5$", "5"),
            ("$-5$", "-5"),
            ("US$5", "5"),
            ("Rs. 500", "500"),
            ("5 USD", "5"),
            ("40%", "40"),
            ("40\\%", "40"),
            ("40 percent", "40"),
            ("40 per cent", "40"),
            ("18cm", "18"),
            ("the 3rd", "3"),
            ("12.5 cm^2", "12.5"),
            ("12.5 cm²", "12.5"),
            ("12.5 cm<sup>2</sup>", "12.5"),
            ("12.5\\text{ cm}^2", "12.5"),
            ("12.5\\,\\mathrm{m}^{3}", "12.5"),
            ("9.8 m/s^2", "9.8"),
            ("9.8 m s^{-2}", "9.8"),
            ("9.8 m·s⁻²", "9.8"),
            ("5m2", "5"),
            ("45^\\circ", "45"),
            ("45^{\\circ}", "45"),
            ("45°", "45"),
            ("-5^\\circ", "-5"),
            ("5\\;\\text{cm}", "5"),
            ("8\\mbox{ inches}", "8"),
            ("17\\text{ square units}", "17"),
            ("12 \\hspace{1mm} cm \\tag{3}", "12"),
            ("5^{\\text{th}}", "5"),
            ("3^{rd}", "3"),
            ("-\\,5", "-5"),
            ("\\textbf{(B)}\\ 12", "12"),
            ("10x faster", "10"),
            ("12 km/h", "12"),
        ]);
    }

    #[test]
    fn as_a_fraction() {
        assert_read(&[
            ("3/4", "0.75"),
            ("-3/4", "-0.75"),
            ("1 / 2", "0.5"),
            ("1⁄2", "0.5"),
            ("½", "0.5"),
            ("-½", "-0.5"),
            ("2½", "2.5"),
            ("2 ½ cups", "2.5"),
            ("³⁄₄", "0.75"),
            ("1 1/2 cups", "1.5"),
            ("\\frac{3}{4}", "0.75"),
            ("\\frac12", "0.5"),
            ("\\frac 54", "1.25"),
            ("\\frac{625}4", "156.25"),
            ("\\frac1{10}", "0.1"),
            ("\\frac 1{8}", "0.125"),
            ("\\dfrac{1}{2}", "0.5"),
            ("\\tfrac12", "0.5"),
            ("\\cfrac{1}{2}", "0.5"),
            ("\\nicefrac{1}{2}", "0.5"),
            ("\\frac{-1}{2}", "-0.5"),
            ("-\\frac{1}{2}", "-0.5"),
            ("\\frac{1}{-2}", "-0.5"),
            ("-\\frac{-1}{2}", "0.5"),
            ("\\frac{1.5}{0.5}", "3"),
            ("\\frac{10,\\!000}{4}", "2500"),
            ("\\frac{\\frac12}{2}", "0.25"),
            ("\\frac{10^3}{2^3}", "125"),
            ("{1 \\over 2}", "0.5"),
            ("3\\frac{1}{2}", "3.5"),
            ("-3\\frac12", "-3.5"),
            ("3 \\frac{1}{2}", "3.5"),
            ("\\left(\\frac{1}{2}\\right)", "0.5"),
            ("\\displaystyle\\frac{1}{2}", "0.5"),
            ("0.\\overline{3}", "1/3"),
            ("0.1\\overline{6}", "1/6"),
            ("1.\\overline{142857}", "8/7"),
            ("0.\\bar{9}", "1"),
            ("123456789012345678901/2", "61728394506172839450.5"),
        ]);
    }

    #[test]
    fn as_a_power() {
        assert_read(&[
            ("1e3", "1000"),
            ("2.5E-1", "0.25"),
            ("1e+3", "1000"),
            ("10^3", "1000"),
            ("10^{3}", "1000"),
            ("10^(3)", "1000"),
            ("10**3", "1000"),
            ("2^{10}", "1024"),
            ("2^10", "1024"),
            ("2¹⁰", "1024"),
            ("2^{-2}", "0.25"),
            ("2^-2", "0.25"),
            ("3^{-1}", "1/3"),
            ("-2^2", "-4"),
            ("1.5^2", "2.25"),
            ("2^{2^3}", "256"),
            ("2^2^3", "256"),
            ("5^0", "1"),
            ("10⁸", "100000000"),
            ("10⁻³", "0.001"),
            ("1.5 × 10^6", "1500000"),
            ("6.02×10^23", "602000000000000000000000"),
            ("6.02 x 10^23", "602000000000000000000000"),
            ("6.02*10^23", "602000000000000000000000"),
            ("6.02 \\times 10^{23}", "602000000000000000000000"),
            ("6.02\\cdot10^{23}", "602000000000000000000000"),
            ("6.02·10²³", "602000000000000000000000"),
            ("2 \\times 10^{-3}", "0.002"),
            ("\\frac{1}{2} \\times 10^2", "50"),
        ]);
    }

    #[test]
    fn with_a_word_or_letter_for_a_power_of_ten() {
        assert_read(&[
            ("12k", "12000"),
            ("12K", "12000"),
            ("$1.5M", "1500000"),
            ("3bn", "3000000000"),
            ("$2m", "2000000"),
            ("2 m", "2"),
            ("2m", "2"),
            ("2 million", "2000000"),
            ("1.8 Billion dollars", "1800000000"),
            ("3 hundred thousand", "300000"),
            ("5 crore", "50000000"),
            ("5 lakhs", "500000"),
            ("5 kg", "5"),
            ("5 kids", "5"),
        ]);
    }
}

/// None of the texts is one number.
fn assert_no_number(texts: &[&str]) {
    for text in texts {
        assert!(
            final_number::of_expected(text).is_none(),
            "{text:?} {:?}",
            final_number::of_expected(text)
        );
        assert_eq!(score(text, text, EXACTLY), Score::Unusable, "{text:?}");
        for digits in [
            "0", "1", "2", "3", "5", "10", "12", "15", "2024", "100000", "31", "5", "7",
        ] {
            assert!(
                !passes(digits, text),
                "{text:?} is not {digits}: {:?}",
                final_number::of_answer(text)
            );
        }
    }
}

#[test]
fn what_is_not_one_number_is_not_compared_as_one() {
    assert_no_number(&[
        "12:00",
        "1:00",
        "12:30:45",
        "3:45 pm",
        "3:2",
        "1 : 2",
        "16:9",
        "(0, 1)",
        "(5, 1)",
        "(0,1)",
        "[0, 1)",
        "\\left(0, 1\\right)",
        "\\{1, 2\\}",
        "{1, 2}",
        "(x, 1)",
        "(-\\infty, 5]",
        "(1; 2)",
        "(\\frac{1}{2}, 5)",
        "\\langle 1, 2 \\rangle",
        "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}",
        "2024-01-15",
        "2023-02-15",
        "2024/01/15",
        "1/2/2024",
        "15.01.2024",
        "01-15-2024",
        "2024-01-15T12:00:00Z",
        "2024-01-15T12:00:00.5+01:00",
        "192.168.0.1",
        "1.2.3",
        "555-123-4567",
        "1-800-555-0199",
        "0x1F",
        "0x2A",
        "0b101",
        "0o17",
        "101_2",
        "101_{2}",
        "2516_8",
        "101₂",
        "10^n",
        "3^x",
        "2^{n+1}",
        "x^5",
        "2\\pi",
        "2π",
        "2 \\pi",
        "\\pi",
        "\\frac{\\pi}{2}",
        "\\frac{x}{2}",
        "\\frac{1}{n}",
        "\\sqrt{2}",
        "2\\sqrt{3}",
        "2 \\sqrt 3",
        "√2",
        "\\sqrt[3]{2}",
        "3i",
        "2 + 3i",
        "5x",
        "5x^2",
        "\\log_2 7",
        "2\\sin 5",
        "±5",
        "\\pm 5",
        "|-5|",
        "(-2)^3",
        "4^{1/2}",
        "2^{0.5}",
        "5/0",
        "\\frac{5}{0}",
        "1 / 0",
        "0^{-1}",
        "10^10^10^10^10",
        "3^{100000}",
        "1e99999999999999999999",
    ]);
}

#[test]
fn an_expected_text_has_to_be_one_number() {
    for text in [
        "",
        "none",
        "n/a",
        "5 or 6",
        "5, 6",
        "1, 2, 3",
        "10-15",
        "10 – 15",
        "13 - 4",
        "5 × 3",
        "x = 5, y = 7",
        "5 ft 6 in",
        "5 of 7 eggs",
        "Jan 15, 2024",
        "H2O",
        "5!",
        "between 3 and 4",
    ] {
        assert_eq!(score(text, "5", EXACTLY), Score::Unusable, "{text:?}");
    }
    for (text, value) in [
        ("18 dollars", "18"),
        ("about $18.", "18"),
        ("x = 5", "5"),
        ("16 - 3 - 4 = 9", "9"),
        ("\\boxed{18} of 20", "18"),
        ("He has 3 + 4 = 7.\n#### 7", "7"),
        ("20 - 2 = 18\nA: 18", "18"),
        ("H2O: 5 kg", "5"),
    ] {
        assert!(passes(text, value), "{text:?}");
    }
    assert_eq!(score("5", "none", EXACTLY), Score::Matched(0.0));
}

#[test]
fn a_number_too_long_to_be_written_out_is_unusable() {
    for gold in [
        "10^10^10",
        "10^{10^{10}}",
        "-10^10^10",
        "\\boxed{10^{10^{10}}}",
        "#### 10^10^10",
        "9^9^9",
        "9^{9^9}",
        "2^{10^9}",
        "2^{1000000000}",
        "1.5^{10^9}",
        "10^{-10^{10}}",
        "10^{1000000}",
        "10^{-1000001}",
        "2 × 10^{9999999}",
        "1e999999999",
        "1E+999999999",
        "1e-999999999",
        "-1e99999999999999999999",
        "1e999999 million",
        "10^{10^{10}}%",
        "\\frac{1}{10^{10^{10}}}",
        "{1 \\over 10^{10^{10}}}",
    ] {
        for answer in ["5", gold] {
            assert_eq!(score(gold, answer, EXACTLY), Score::Unusable, "{gold:?}");
        }
        // In an answer it is no number that matches.
        assert_eq!(score("5", gold, EXACTLY), Score::Matched(0.0), "{gold:?}");
    }
    for (gold, answer) in [
        ("10^{999999}", "1e999999"),
        ("10^{-999999}", "1e-999999"),
        ("10^10^5", "10^{100000}"),
        ("1e400", "10^400"),
        ("0e999999999", "0"),
    ] {
        assert!(passes(gold, answer), "{gold:?}");
        assert!(!passes(gold, "7"), "{gold:?}");
    }
}

#[test]
fn a_power_or_nesting_without_end_costs_bounded_work() {
    assert!(!passes("1e400", "1e401"));
    assert!(
        score(
            "1",
            "0",
            Tolerance {
                absolute: 1e300,
                relative: 0.0
            }
        ) == Score::Matched(1.0)
    );
    for unit in [
        "10^",
        "\\frac{",
        "{",
        "(",
        "[1,",
        "(1, ",
        "{1 \\over ",
        "\\boxed{",
        "1-",
        "1.",
        "1:",
        "1/",
        "1,",
        "1_",
        "1 ",
        "111.",
        "111,11,",
        "$ ",
        "= - ",
        "\\sqrt{",
        "\\begin{pmatrix}",
        "2**",
        "x^",
        "_",
        "^",
        "answer is ",
        "answer to ",
        "the answer ",
        "A:\n",
        "####",
        "<<1=",
        "minus ",
        "5 thousand ",
        "\\text{",
        "1\\frac",
        "\\overline{",
        "1 1/",
        "1e",
        "approx. ",
    ] {
        let text = unit.repeat(200_000 / unit.len());
        assert!(!passes("5", &text), "{unit:?}");
        assert!(!passes("5", &format!("answer is {text}")), "{unit:?}");
    }
    for text in [
        "9".repeat(300_000),
        format!("0.{}1", "0".repeat(300_000)),
        format!("1/{}", "3".repeat(300_000)),
    ] {
        assert!(!passes("5", &text));
    }
}

mod a_marked_answer {
    use super::*;

    #[test]
    fn wins_over_later_and_earlier_numbers() {
        assert_answer(&[
            ("9 * 2 = 18\n#### 18", "18"),
            ("#### 1,800 ", "1800"),
            ("#### 1. Setup\n3 + 4\n#### Step 2\nso 18", "18"),
            ("so 4 of 5\nA: 18", "18"),
            ("A: 18\nChecked in 2 ways.", "18"),
            ("**A:** 18", "18"),
            ("The answer is 18.", "18"),
            ("The answer is: **$18** per day for 7 days.", "18"),
            ("**Final Answer:** 18 eggs (of 20)", "18"),
            ("Answer:\n\n18 (from 3 farms)", "18"),
            ("answer = 18, not 19", "18"),
            ("Ans: 18 or so, 5 left", "18"),
            ("A: 5\nNo. A: 6", "5"),
            ("A: 5\nOn second thought:\nA: 6", "6"),
            (
                "The answer to the 2nd question is 18, as 20 - 2 = 18 and 3 remain",
                "18",
            ),
            ("The answer (in dollars) is 18 for 2 weeks", "18"),
            ("The answer would be 18 with 2 weeks left", "18"),
            ("The answer, then, is 18 for all 3", "18"),
            ("So the correct answer equals 18 and not 3.", "18"),
            ("{\"answer\": 18, \"steps\": 3}", "18"),
            ("<answer>18</answer> in 3 steps", "18"),
        ]);
    }

    #[test]
    fn ends_where_its_mark_says() {
        assert_answer(&[
            ("The answer is 12. Check: 12 + 8 = 20.", "12"),
            ("**Answer: 12** (since 20 - 8 = 12)", "12"),
            ("**Answer: 12** (since 12 + 8 = 20)", "12"),
            ("Answer: 12 (check: 12 + 8 = 20)", "12"),
            ("The answer is 12 because 12 + 8 = 20.", "12"),
            ("The answer is 12, since 12 + 8 = 20", "12"),
            ("The answer is **12**; 12 × 2 = 24", "12"),
            ("Answer: *12* — 12 + 1 = 13", "12"),
            ("#### 12\n12 + 8 = 20", "12"),
            ("#### 12 (12 + 8 = 20)", "12"),
            ("A: 12, so 12 + 8 = 20", "12"),
            ("Final answer: 12 apples and 12 + 8 = 20 pears", "12"),
            ("The answer is approx. 12. That is 3 more.", "12"),
            ("The answer is 0.5. Then 3.", "0.5"),
            ("The answer is clear.\nIt has to be 18", "18"),
        ]);
    }

    #[test]
    fn may_be_the_result_of_a_calculation() {
        assert_answer(&[
            ("A: 5 × 3 = 15 eggs", "15"),
            ("A: 5 eggs × 3 hens = 15 eggs a day for 7 days", "15"),
            ("The answer is 20 - 8 = 12.", "12"),
            ("The answer is 12 = 20 - 8.", "12"),
            ("Answer: $5 * 3 = $15 for 2 people", "15"),
            ("Answer: 1/2 × 10 = 5", "5"),
            ("A: 16 - 3 - 4 = <<16-3-4=9>>9 eggs", "9"),
            ("Answer: 5 dogs and 3 cats", "5"),
            ("Answer: 5 + 3, so 5 + 3 = 8", "8"),
        ]);
    }

    #[test]
    fn in_a_box_ends_at_its_brace_and_decides() {
        assert_answer(&[
            ("thus \\boxed{18} after 3 steps", "18"),
            ("\\boxed{12}. Check: 12 + 8 = 20. The answer is 20.", "12"),
            ("\\boxed{3} no, \\boxed{12} = 3 · 4", "12"),
            ("\\fbox{12} of 20", "12"),
            ("\\framebox{12} of 20", "12"),
            ("\\boxed{\\frac{3}{4}} of 20", "0.75"),
            ("\\boxed{\\text{12 cm}^2} of 20", "12"),
            ("\\boxed{x = 12} of 20", "12"),
            ("$\\boxed{\\boxed{12}}$ of 20", "12"),
            ("\\boxed 12 of 20", "12"),
            ("\\boxed\\frac12 of 20", "0.5"),
            (
                "I put the answer in \\boxed{}. It is \\boxed{12} of 20. (\\boxed{ })",
                "12",
            ),
            ("\\boxed{12", "12"),
            ("\\boxed{\\$12} for 20", "12"),
            ("\\boxed{-\\dfrac{4}{3}} and 5", "-4/3"),
        ]);
        for text in [
            "x is 5 and \\boxed{(5, 1)}",
            "\\boxed{5, 1}",
            "\\boxed{2\\pi} is about 1",
            "5 1 \\boxed{\\text{yes}}",
            "The answer is (5, 1).",
        ] {
            assert!(
                !passes("1", text) && !passes("5", text) && !passes("2", text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn is_not_announced_by_talk_about_it() {
        assert_answer(&[
            (
                "Let us find what the answer is in 3 steps: 9 * 2 = 18 dollars.",
                "18",
            ),
            (
                "let us find what the answer is in 3 steps. First 16 - 7 = 9. Then 9 * 2 = 18 dollars.",
                "18",
            ),
            ("To find the answer: take 3 and multiply by 6 = 18", "18"),
            (
                "We can work out what the final answer is with 2 sums. It comes to 18",
                "18",
            ),
            ("If the answer is 5 then we did 3 things wrong. So 18", "18"),
            ("The answer is not 5 but 18", "18"),
            ("The answer is found in 3 steps: 18", "18"),
            ("The answer is in 2 parts. 18", "18"),
            ("The answer is the sum of 5 and 13, that is 18", "18"),
            (
                "The answer is 18. To check that the answer is right, 18 + 2 = 20.",
                "18",
            ),
            ("The way to the answer: 3 steps. 18", "18"),
            ("Let's determine the answer: 2 × 9 = 18", "18"),
            ("She answers 5 calls, then 18", "18"),
            ("Let's see, the answer is 18 of 20", "18"),
            ("We find the answer is 18 of 20", "18"),
        ]);
    }
}

#[test]
fn without_a_mark_the_last_number_counts() {
    assert_answer(&[
        ("16 - 3 - 4 = <<16-3-4=9>>9 eggs", "9"),
        ("13 -4", "4"),
        ("between 10-15", "15"),
        ("between 10–15", "15"),
        ("12 of type H2O", "12"),
        ("see v2 and No.5", "5"),
        ("up to 33.333...%, rounded 33%", "33"),
        ("1, 2, 3", "3"),
        ("Plan A: nothing, Plan B: 7", "7"),
        ("18 on 2024-03-05 at 12:00", "18"),
        ("18 is the hypotenuse of (3, 4)", "18"),
        ("f(3) = 18", "18"),
        ("x^2 = 18", "18"),
        ("x_1 = 18", "18"),
        ("- 18 apples", "18"),
        ("1. Take 5\n2. Add 13 = 18", "18"),
        ("There are 18!", "18"),
    ]);
    for text in ["", "no number", "H2O", "...", "-", "$", "x^2", "v2.0"] {
        assert!(
            final_number::of_answer(text).is_none(),
            "{text:?} {:?}",
            final_number::of_answer(text)
        );
    }
}

#[test]
fn numbers_compare_digit_by_digit_and_fractions_exactly() {
    assert!(!passes("12345678901234567890", "12345678901234567891"));
    assert!(passes("12345678901234567890", "12,345,678,901,234,567,890"));
    assert!(!passes("0.1", "0.1000000000000000055"));
    assert!(passes("1/3", "2/6"));
    assert!(!passes("1/3", "0.3333333333333333"));
    assert!(passes("0", "-0.00"));
    assert!(!passes("5", "-5"));
    assert!(passes("9007199254740993", "9007199254740993"));
    assert!(!passes("9007199254740993", "9007199254740992"));
}

#[test]
fn a_tolerance_is_inclusive_and_exact() {
    let within = |absolute, relative, expected: &str, actual: &str| {
        score(expected, actual, Tolerance { absolute, relative }) == Score::Matched(1.0)
    };
    assert!(within(0.1, 0.0, "1", "1.1"));
    assert!(!within(0.1, 0.0, "1", "1.1000000000000000000000001"));
    assert!(within(0.01, 0.0, "1/3", "0.33"));
    assert!(!within(1.0, 0.0, "1e400", "2e400"));
    assert!(within(0.0, 0.1, "1e400", "1.1e400"));
    assert!(!within(0.0, 0.1, "1e400", "1.11e400"));
    assert!(within(0.0, 0.01, "-200", "-202"));
    assert!(!within(0.0, 0.01, "0", "1e-300"));
    assert!(within(1e-300, 0.0, "0", "1e-300"));
}

#[test]
fn a_percent_sign_is_a_unit_and_may_stand_for_a_fraction_of_one() {
    assert!(passes("50", "50%"));
    assert!(passes("0.5", "50%"));
    assert!(passes("50%", "0.5"));
    assert!(passes("1/4", "25 percent"));
    assert!(!passes("50%", "0.5%"));
    assert!(!passes("0.5", "5%"));
}

/// A number as it may be written.
fn writings() -> impl Strategy<Value = (Number, String)> {
    let value = (
        any::<bool>(),
        0u64..10_000_000_000,
        0u8..100,
        1u64..1000,
        1u64..1000,
        0u32..12,
    );
    let form = (0usize..24, 0usize..8);
    (value, form).prop_map(|((negative, whole, cents, above, below, power), (form, dress))| {
        let sign = ["-", "−", "–", "－"][dress % 4];
        let minus = if negative { sign } else { "" };
        let grouped = |separator: &str| {
            let digits = whole.to_string();
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .map(|g| std::str::from_utf8(g).unwrap())
                .collect();
            groups.join(separator)
        };
        let integer = |n: u64| Number::from(super::decimal::Decimal::from_integer(&n.into()));
        let ratio = |a: u64, b: u64| Number::ratio(&integer(a), &integer(b)).unwrap();
        let hundredths = || ratio(whole * 100 + u64::from(cents), 100);
        let (number, text) = match form {
            0 => (integer(whole), whole.to_string()),
            1 => (hundredths(), format!("{whole}.{cents:02}")),
            2 => (hundredths(), format!("{}.{cents:02}0", grouped(","))),
            3 => (hundredths(), format!("{}.{cents:02}", grouped(",\\!"))),
            4 => (integer(whole), grouped("{,}")),
            5 => (integer(whole), grouped("_")),
            6 => (integer(whole), grouped("\u{202f}")),
            7 => (integer(whole), grouped("\\,")),
            8 => (ratio(above, below), format!("{above}/{below}")),
            9 => (ratio(above, below), format!("{above} / {below}")),
            10 => (ratio(above, below), format!("\\frac{{{above}}}{{{below}}}")),
            11 => (ratio(above, below), format!("\\dfrac{{ {above} }}{{{below}}}")),
            12 => (
                ratio(above % 10, below % 9 + 1),
                format!("\\frac{}{}", above % 10, below % 9 + 1),
            ),
            13 => (
                ratio(above, below % 9 + 1),
                format!("\\frac{{{above}}}{}", below % 9 + 1),
            ),
            14 => {
                let (top, bottom) = (above, above + below);
                (
                    ratio(whole * bottom + top, bottom),
                    format!("{whole} {top}/{bottom}"),
                )
            }
            15 => {
                let (top, bottom) = (above, above + below);
                (
                    ratio(whole * bottom + top, bottom),
                    format!("{whole}\\frac{{{top}}}{{{bottom}}}"),
                )
            }
            16 => (integer(above * 10u64.pow(power)), format!("{above}e{power}")),
            17 => (integer(above * 10u64.pow(power)), format!("{above} × 10^{power}")),
            18 => (
                integer(above * 10u64.pow(power)),
                format!("{above}\\times 10^{{{power}}}"),
            ),
            19 => (
                ratio(above, 10u64.pow(power)),
                format!("{above}\\cdot10^{{-{power}}}"),
            ),
            20 => (
                integer((above % 30).pow(power)),
                format!("{}^{{{power}}}", above % 30),
            ),
            21 => (
                integer((above % 30).pow(power)),
                format!("{}^{power}", above % 30),
            ),
            22 => (integer(above * 1000), format!("{above}k")),
            _ => (integer(whole * 1_000_000), format!("{} million", grouped(","))),
        };
        let text = match dress {
            0 => format!("{minus}{text}"),
            1 => format!("${minus}{text}$"),
            2 => format!("\\({minus}{text}\\)"),
            3 => format!("{minus}{text} dollars"),
            4 => format!("\\boxed{{{minus}{text}}} for 2"),
            5 => format!("I get 7. The answer is {minus}{text}. That is 3 more."),
            6 => format!("x = {minus}{text}\\text{{ cm}}^2"),
            _ => format!("**{minus}{text}**"),
        };
        (if negative { number.negated() } else { number }, text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn every_writing_of_a_number_is_that_number((expected, text) in writings()) {
        for read in [final_number::of_answer(&text), final_number::of_expected(&text)] {
            prop_assert!(same(Some(&expected), read.as_ref()), "{text:?}: {read:?}, not {expected:?}");
        }
    }

    #[test]
    fn text_of_numerals_never_panics(text in "([0-9.,/$%eE^×x*=\\-−+ {}()\\[\\]_:;|½²\\\\A#\n]|\\\\frac|\\\\boxed|\\\\sqrt|\\\\overline|10\\^|answer is |and |\\\\text\\{|\\\\begin\\{matrix\\}){0,30}") {
        for tolerance in [EXACTLY, Tolerance { absolute: 1.0, relative: 0.1 }] {
            let itself = score(&text, &text, tolerance);
            prop_assert!(itself != Score::Matched(0.0), "{text:?} {itself:?}");
        }
    }
}
