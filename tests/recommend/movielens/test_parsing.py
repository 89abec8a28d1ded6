import numpy as np
import pytest

from leafscan.recommend import MovieLens, genre_names, synthetic_movielens
from leafscan.recommend.movielens import synthetic_files
from leafscan.recommend.movielens.parsing import parse
from leafscan.recommend.movielens.tables import MOVIE_FIELDS, RATING_FIELDS, USER_FIELDS

KINDS = {
    "movie_id": "U",
    "movie_title": "U",
    "movie_genres": "O",
    "user_id": "U",
    "user_rating": "f4",
    "timestamp": "i8",
    "user_gender": "b1",
    "bucketized_user_age": "f4",
    "raw_user_age": "f4",
    "user_occupation_label": "i8",
    "user_occupation_text": "U",
    "user_zip_code": "U",
}


def assert_equal(one: MovieLens, other: MovieLens) -> None:
    for table in ("ratings", "movies", "users"):
        left, right = getattr(one, table), getattr(other, table)
        assert list(left) == list(right)
        for field in left:
            assert left[field].dtype == right[field].dtype, field
            assert all(map(np.array_equal, left[field], right[field])), field


def grouplens(**changes: bytes) -> dict[str, bytes]:
    return {**synthetic_files(users=8, movies=20, ratings_per_user=6), **changes}


def test_the_fields_have_tfds_names_and_types(data: MovieLens):
    assert tuple(data.ratings) == RATING_FIELDS
    assert tuple(data.movies) == MOVIE_FIELDS
    assert tuple(data.users) == USER_FIELDS
    for table in (data.ratings, data.movies, data.users):
        assert len({len(column) for column in table.values()}) == 1
        for field, column in table.items():
            kind = KINDS[field]
            assert column.dtype.kind == kind if len(kind) == 1 else column.dtype == np.dtype(kind), field
    assert data.movies["movie_genres"][0].dtype == np.int64


def test_grouplens_form_gives_the_known_rows():
    items = (
        "267|unknown||||1" + "|0" * 18 + "\n"
        "1201|Marlene Dietrich: Shadow and Light (1996) |02-Apr-1996||http://x|0|0|0|0|0|0|0|1"
        + "|0"
        * 11
        + "\n"
        "543|Misérables, Les (1995)|01-Jan-1995||http://x|0|0|0|0|1|0|0|0|1" + "|0" * 10 + "\n"
    )
    data = parse(
        {
            "u.data": b"9\t543\t4\t881250949\n7\t267\t1\t891717742\n",
            "u.item": items.encode("iso-8859-1"),
            "u.user": b"7|56|M|administrator|91344\n9|17|F|none|T8H1N\n",
        },
        source="a test",
    )
    assert data.movies["movie_title"].tolist() == [
        "unknown",
        "Marlene Dietrich: Shadow and Light (1996)",
        "Misérables, Les (1995)",
    ]
    assert [genre_names(genres) for genres in data.movies["movie_genres"]] == [
        ["Unknown"],
        ["Documentary"],
        ["Children", "Drama"],
    ]
    first = {field: column[0] for field, column in data.ratings.items()}
    assert first["user_rating"] == 4
    assert first["timestamp"] == 881250949
    assert first["movie_title"] == "Misérables, Les (1995)"
    assert not first["user_gender"]
    assert (first["raw_user_age"], first["bucketized_user_age"]) == (17, 1)
    assert (first["user_occupation_label"], first["user_occupation_text"]) == (11, "none")
    assert first["user_zip_code"] == "T8H1N"
    assert data.users["bucketized_user_age"].tolist() == [56, 1]
    assert data.users["user_gender"].tolist() == [True, False]
    assert data.movie_rows.tolist() == [2, 0]
    assert data.user_rows.tolist() == [1, 0]


def test_recbole_form_gets_its_titles_back():
    data = parse(
        {
            "x.inter": b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t267\t3\t881250949\n",
            "x.item": (
                "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
                "267\tunkonwn\tunkonwn\tunknown\n"
                "1412\tLand Before Time III: The Time of the Great Giving (1995)\tV\tAnimation Children's\n"
                "1633\tÁ köldum klaka (Cold Fever)\t1994\tComedy Drama\n"
            ).encode(),
            "x.user": b"user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
            b"1\t24\tM\ttechnician\t85711\n",
        },
        source="a test",
    )
    assert data.movies["movie_title"].tolist() == [
        "unknown",
        "Land Before Time III: The Time of the Great Giving (1995) (V)",
        "Á köldum klaka (Cold Fever) (1994)",
    ]
    assert [genres.tolist() for genres in data.movies["movie_genres"]] == [[17], [2, 3], [4, 7]]


@pytest.mark.parametrize("seed", [0, 1])
def test_both_forms_give_equal_tables(seed: int):
    forms = [
        parse(synthetic_files(users=9, movies=40, ratings_per_user=7, seed=seed, form=form), source=form)
        for form in ("grouplens", "recbole")
    ]
    assert_equal(*forms)
    assert any(ord(letter) > 127 for letter in "".join(forms[0].movies["movie_title"]))


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"u.data": b"1\t1\t5\t1\n"}, "must hold u.data, u.item and u.user"),
        ({}, "holds none of them"),
        (grouplens(**{"u.item": b"1|Toy Story (1995)|x\n"}), "row 1 of u.item has 3 fields; it must have 24"),
        (grouplens(**{"u.data": b"1\t1\tfive\t1\n"}), "four numbers a row"),
        (grouplens(**{"u.data": b"1\t1\tnan\t1\n"}), "row 0 of u.data has a value that is not finite"),
        (grouplens(**{"u.data": b"1\t1.5\t5\t1\n"}), "whole numbers"),
        (grouplens(**{"u.data": b"1\t1\t6\t1\n"}), "0.5 to 5 stars, received 6"),
        (grouplens(**{"u.data": b"1\t777\t5\t1\n"}), "rating 0 has movie_id 777, which is not in the table"),
        (grouplens(**{"u.data": b"99\t1\t5\t1\n"}), "rating 0 has user_id 99"),
        (grouplens(**{"u.data": b""}), "u.data has no ratings"),
        (grouplens(**{"u.user": b"1|24|X|writer|1\n"}), "gender must be M or F, received 'X'"),
        (grouplens(**{"u.user": b"1|24|M|pirate|1\n"}), "'pirate' is no occupation"),
        (grouplens(**{"u.user": b"1|24|M|writer|1\n" * 2}), "user_id 1 comes more than once"),
        (
            {**synthetic_files(form="recbole"), "ml-100k.item": b"head\n1\tA\t1990\tOpera\n"},
            "row 1 of the .item file",
        ),
        (
            {**synthetic_files(form="recbole"), "ml-100k.item": b"a\tb\tc\td\n1\tA\t1990\tOpera\n"},
            "'Opera' is no genre",
        ),
    ],
)
def test_what_is_not_movielens_gets_a_sentence(files: dict[str, bytes], sentence: str):
    with pytest.raises(ValueError, match=r"the archive .*") as raised:
        parse(files, source="the archive")
    assert sentence in str(raised.value)


def test_genre_names_refuses_labels_out_of_range():
    with pytest.raises(ValueError, match=r"0\.\.20, received 21"):
        genre_names([21])


def test_synthetic_sizes_are_checked():
    with pytest.raises(ValueError, match="users must be at least 1, received 0"):
        synthetic_movielens(users=0)
    with pytest.raises(ValueError, match="form must be 'grouplens' or 'recbole'"):
        synthetic_files(form="csv")
    assert synthetic_files(seed=3) == synthetic_files(seed=3) != synthetic_files(seed=4)
