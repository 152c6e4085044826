import csv
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from helpers.reading import LESION, case_of, free_port, opened_study
from napari_recon_robust.cases.record import save_case
from napari_recon_robust.cli import cli
from napari_recon_robust.ground.errors import InputError
from napari_recon_robust.reader_studies.exchange import read_exchanged
from napari_recon_robust.reader_studies.ratings import Ratings
from napari_recon_robust.reader_studies.room.serving import Serving, open_answers

DAYS = ("inf", "nan", "1e12", "0", "-3")


def run(*words: object) -> str:
    found = CliRunner().invoke(cli, ["review", *map(str, words)], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.output


def test_from_saved_cases_to_a_table(tmp_path: Path) -> None:
    folders = [save_case(case_of(number), tmp_path / f"c{number}") for number in range(2)]
    plan, study, table = tmp_path / "plan.yaml", tmp_path / "study", tmp_path / "answers.csv"
    run("new", *folders, "--output", plan, "--questions", "quality")
    assert "each reader: 4 presentations in 1 sitting\n" in run("check", plan)
    assert "SHA-256 of the key:" in run("freeze", plan, "--output", study)
    link = run("invite", study, "R1", "--address", "https://reading.example.org/")
    assert link.startswith("https://reading.example.org/#")
    with open_answers(study) as answers:
        assert answers.access.reader_of(answers.access.enter(link.strip().partition("#")[2])) == "R1"
        answers.consent("R1")
        answers.check_display("R1", 0, {"light": "dim"})
        while (shown := answers.place("R1").shown) is not None:
            answers.record("R1", shown.id, 0, {id: {"level": 4} for id in answers.bundle.questions})
    display = "R1, display of sitting 1: light dim"
    assert run("status", study).splitlines()[0] == "R1: sitting 1 of 1, 4 of 4"
    assert display in run("status", study)
    run("revoke", study, "R1")
    run("export", study, "--output", table)
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert {row["arm"] for row in rows} == {"clean", "perturbed"}
    assert "so all figures are exploratory" in run("analyse", study, "--output", tmp_path / "analysis.html")
    assert "contrast-to-noise" in (page := (tmp_path / "analysis.html").read_text(encoding="utf-8"))
    assert display in page
    assert "R1 sitting 1, 1: c" in run("unblind", study)
    assert CliRunner().invoke(cli, ["review", "forget", str(study), "R1"], input="n\n").exit_code != 0
    assert run("status", study).splitlines()[0] == "R1: sitting 1 of 1, 4 of 4"
    run("forget", study, "R1", "--yes")
    assert run("status", study).splitlines()[0] == "R1: sitting 1 of 1, 0 of 4"
    assert "the log is whole: " in run("audit", study)


def test_a_check_asks_for_the_truth_where_a_question_needs_it(tmp_path: Path) -> None:
    folder = save_case(case_of(0), tmp_path / "c0")
    for questions, said in (("lesion", True), ("quality", False)):
        plan = tmp_path / f"{questions}.yaml"
        run("new", folder, "--output", plan, "--questions", questions)
        assert ("add lesion: true or lesion: false to the 1 case of which" in run("check", plan)) is said


def test_a_check_opens_the_saved_cases(tmp_path: Path) -> None:
    for number in range(2):
        save_case(case_of(number), tmp_path / f"c{number}")
    plan = tmp_path / "plan.yaml"
    run("new", tmp_path / "c0", "--output", plan, "--questions", "quality")
    first = plan.read_text(encoding="utf-8")
    for saved, said in (("[c0, c1]", "slices of a case: 2"), ("[c0, c0]", "name each slice once"), ("[c0, c9]", "c9")):
        plan.write_text(first.replace("saved: 'c0'", f"saved: {saved}"), encoding="utf-8")
        found = CliRunner().invoke(cli, ["review", "check", str(plan)])
        assert (found.exit_code == 0) is (saved == "[c0, c1]")
        assert said in found.output + str(found.exception)


def test_a_check_tells_of_cases_whose_images_are_doubted(tmp_path: Path) -> None:
    """Readers would judge the model of another scale, and nobody knew why its images are white."""
    words = {
        "disagreement": "mine.py: its image explains the samples only when it is multiplied by 0.1.",
        "other": "x.",
    }
    for number, warnings in enumerate(({}, words)):
        case = case_of(number)
        doubtful = replace(case, results=[{**result, "warnings": warnings} for result in case.results])
        save_case(doubtful, tmp_path / f"c{number}")
    run("new", tmp_path / "c0", tmp_path / "c1", "--output", tmp_path / "plan.yaml", "--questions", "quality")
    told = [line for line in run("check", tmp_path / "plan.yaml").splitlines() if line.startswith("recon-robust: ")]
    assert told == [f"recon-robust: c1: {words['disagreement']}"]


def test_an_export_says_how_many_of_the_answers_a_format_has(tmp_path: Path) -> None:
    """Of four answers one is for training, one a repeat, and one that the image cannot be judged."""
    cases = [
        {"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at}", "lesion": at == 0, "training": at == 2}
        for at in range(3)
    ]
    design, arms = {"readers": 1, "repeats": 1}, [{"name": "clean", "image": "clean"}]
    with opened_study(tmp_path, cases=cases, questions=LESION, design=design, arms=arms) as answers:
        answers.consent("R1")
        given = 0
        while (shown := answers.place("R1").shown) is not None:
            judged = {"seen": "yes", "confidence": 70} if given != 1 else {"cannot_judge": True}
            answers.record("R1", shown.id, 0, {"lesion": judged})
            given += 1
    written = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite", "--output"]
    assert given == 4
    assert "(4 answers)" in run("export", *written, tmp_path / "table.csv")
    assert "(1 of 4 answers; the others are in .csv alone)" in run("export", *written, tmp_path / "table.imrmc")
    lines = (tmp_path / "table.imrmc").read_text().partition("BEGIN DATA:\n")[2].splitlines()
    assert len([line for line in lines if not line.startswith("-1,")]) == 1


def test_figures_of_a_study_that_is_still_read_say_so(tmp_path: Path) -> None:
    """Whoever looks meanwhile and then decides to go on or to stop would be wrong in more than 5% of studies."""
    written = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite", "--output"]
    told = "presentations read: R1 4 of 12, R2 0 of 12. If these figures decide whether reading goes on"
    with opened_study(tmp_path) as answers:
        answers.consent("R1")
        for one in answers.bundle.of_reader("R1")[:4]:
            answers.record("R1", one.id, 0, {"sharpness": {"level": 1}})
    assert told in run("analyse", *written, tmp_path / "analysis.html")
    page = (tmp_path / "analysis.html").read_text(encoding="utf-8")
    assert told in page
    assert "2 readers" in page
    assert "1 of them gave 4 answers" in page
    assert told in run("export", *written, tmp_path / "answers.csv")
    with open_answers(tmp_path / "study", tmp_path / "answers.sqlite") as answers:
        answers.consent("R2")
        for reader in answers.bundle.readers:
            while (shown := answers.place(reader).shown) is not None:
                answers.record(reader, shown.id, 0, {"sharpness": {"level": 1}})
    for command, file in (("analyse", "analysis.html"), ("export", "answers.csv")):
        assert "not complete" not in run(command, *written, tmp_path / file)


def test_a_reader_of_a_second_freeze_is_compared_with_the_others(tmp_path: Path) -> None:
    """As the document says where no place is left: the newcomer is renamed, and the rows stand in one file."""
    tables = []
    for name, readers in (("first", 2), ("second", 1)):
        folder = tmp_path / name
        folder.mkdir()
        with opened_study(folder, questions=LESION, design={"readers": readers}) as answers:
            for reader in answers.bundle.readers:
                answers.consent(reader)
                while (shown := answers.place(reader).shown) is not None:
                    judged = {"seen": "yes", "confidence": 9 * shown.number if name == "first" else 50}
                    answers.record(reader, shown.id, 0, {"lesion": judged})
        kept = ["--answers", folder / "answers.sqlite", "--output", folder / "answers.csv"]
        run("export", folder / "study", *kept)
        tables.append((folder / "answers.csv").read_text(encoding="utf-8").splitlines(keepends=True))
    run("export", folder / "study", "--answers", folder / "answers.sqlite", "--output", folder / "answers.imrmc")
    assert read_exchanged(folder / "answers.imrmc").arms == ("clean", "attacked")
    first, second = tables
    newcomer = [row.replace("R1,", "R3,", 1) for row in second[1:]]
    (tmp_path / "all.csv").write_text("".join([*first, *newcomer]), encoding="utf-8")
    data = read_exchanged(tmp_path / "all.csv")
    assert isinstance(data, Ratings)
    assert (data.readers, data.readings) == (("R1", "R2", "R3"), 36)
    assert "all, area under the ROC curve, clean: " in run("compare", tmp_path / "all.csv")


def broken_blind(answers: Path) -> list[str]:
    """What the log says that the blind was broken for, in order."""
    with closing(sqlite3.connect(answers)) as file:
        return [why for (why,) in file.execute("SELECT subject FROM audit WHERE what = 'broke the blind'")]


@pytest.mark.parametrize(
    ("command", "output", "options", "words"),
    [
        ("export", "file/answers.csv", [], "a file is in the place of its folder"),
        ("export", "answers.xlsx", [], "some are missing"),
        ("export", "answers.imrmc", ["--question", "other"], "name one by --question"),
        ("analyse", "file/analysis.html", [], "a file is in the place of its folder"),
    ],
)
def test_the_blind_is_broken_only_by_what_was_written(
    tmp_path: Path, command: str, output: str, options: list[str], words: str
) -> None:
    """One case could not be judged, and RJafroc's crossed design has no room for that."""
    with opened_study(tmp_path, questions=LESION) as answers:
        answers.consent("R1")
        answers.record("R1", answers.place("R1").shown.id, 0, {"lesion": {"cannot_judge": True}})
        while (shown := answers.place("R1").shown) is not None:
            answers.record("R1", shown.id, 0, {"lesion": {"seen": "yes", "confidence": 70}})
    (tmp_path / "file").write_bytes(b"")
    asked = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite"]
    found = CliRunner().invoke(cli, ["review", command, *map(str, [*asked, "--output", tmp_path / output]), *options])
    assert words in str(found.exception)
    assert broken_blind(tmp_path / "answers.sqlite") == []
    run("export", *asked, "--output", tmp_path / "answers.csv")
    run("analyse", *asked, "--output", tmp_path / "analysis.html")
    assert broken_blind(tmp_path / "answers.sqlite") == ["exported", "analysed"]


@pytest.mark.parametrize("output", ["answers.csv", "answers.imrmc"])
def test_a_study_that_nobody_has_read_keeps_its_blind(tmp_path: Path, output: str) -> None:
    """It was broken for a table without a row."""
    with opened_study(tmp_path, questions=LESION):
        pass
    asked = ["export", tmp_path / "study", "--answers", tmp_path / "answers.sqlite", "--output", tmp_path / output]
    found = CliRunner().invoke(cli, ["review", *map(str, asked)])
    assert str(found.exception) == "nothing was read yet; there is nothing to export."
    assert not (tmp_path / output).exists()
    assert broken_blind(tmp_path / "answers.sqlite") == []
    assert "the log is whole: 1 line, " in run("audit", *asked[1:4])


def test_the_head_of_the_log_is_said_wherever_it_may_be_noted(tmp_path: Path) -> None:
    with opened_study(tmp_path) as answers:
        answers.consent("R1")
        while (shown := answers.place("R1").shown) is not None:
            answers.record("R1", shown.id, 0, {"sharpness": {"level": 3}})
        noted, study = answers.head, answers.bundle.id
    asked = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite"]
    assert run("status", *asked).splitlines()[-1] == f"log: {noted.words}"
    assert run("audit", *asked) == f"SHA-256 of the study: {study}\nthe log is whole: {noted.words}\n"
    exported = run("export", *asked, "--output", tmp_path / "table.csv").splitlines()[-1]
    analysed = run("analyse", *asked, "--output", tmp_path / "analysis.html").splitlines()[-1]
    assert analysed.removeprefix("log: ") in (tmp_path / "analysis.html").read_text(encoding="utf-8")
    assert run("status", *asked).splitlines()[-1] == analysed
    for line in (noted.words, exported, analysed, f" {noted.hash.upper()}\n"):
        said = run("audit", *asked, "--noted", line)
        assert "the log is whole: " in said
        assert "does not show" not in said
    found = CliRunner().invoke(cli, ["review", "audit", *map(str, asked), "--noted", "0" * 64])
    assert "no line of the log has the SHA-256 that was noted" in str(found.exception)
    assert found.stdout == f"SHA-256 of the study: {study}\n"


def test_the_hash_of_the_study_is_no_proof_of_the_logs_end(tmp_path: Path) -> None:
    """It was taken for that of a line, and reported as a log that was cut."""
    with opened_study(tmp_path) as answers:
        study = answers.bundle.id
    asked = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite"]
    for noted in (study, f"SHA-256 of the study: {study} (note it elsewhere)"):
        whole, remark = run("audit", *asked, "--noted", noted).splitlines()[1:]
        assert whole.startswith("the log is whole: 1 line, ")
        assert "does not show whether the end was cut" in remark


@pytest.mark.parametrize(
    ("noted", "many"), [("", "no"), ("  ", "no"), ("0" * 63, "no"), ("0" * 65, "no"), (f"{'0' * 64} {'1' * 64}", "2")]
)
def test_what_is_no_hash_is_refused_before_the_log_is_checked(tmp_path: Path, noted: str, many: str) -> None:
    """A variable of the shell that is not set gives an empty text, which was compared with nothing."""
    with opened_study(tmp_path):
        pass
    asked = ["review", "audit", str(tmp_path / "study"), "--answers", str(tmp_path / "answers.sqlite")]
    found = CliRunner().invoke(cli, [*asked, "--noted", noted])
    assert found.exit_code != 0
    assert str(found.exception).startswith(f"what was noted has {many} SHA-256 of 64 hexadecimal digits; ")


def test_a_freeze_says_with_what_the_log_begins(tmp_path: Path) -> None:
    folder = save_case(case_of(0), tmp_path / "c0")
    run("new", folder, "--output", tmp_path / "plan.yaml", "--questions", "quality")
    frozen = run("freeze", tmp_path / "plan.yaml", "--output", tmp_path / "study").splitlines()
    noted = next(line for line in frozen if line.startswith("SHA-256 of the study: ")).split()[4]
    assert run("audit", tmp_path / "study").splitlines()[0] == f"SHA-256 of the study: {noted}"


@pytest.mark.parametrize(("patients", "said"), [(1, True), (2, False)])
def test_an_export_says_which_format_forgets_the_patients(tmp_path: Path, patients: int, said: bool) -> None:
    cases = [{"id": f"c{at}", "saved": f"c{at}", "patient": f"p{at % patients}", "lesion": at == 0} for at in range(2)]
    with opened_study(tmp_path, cases=cases, questions=LESION, design={"readers": 1}) as answers:
        answers.consent("R1")
        while (shown := answers.place("R1").shown) is not None:
            answers.record("R1", shown.id, 0, {"lesion": {"seen": "yes", "confidence": 70}})
    written = [tmp_path / "study", "--answers", tmp_path / "answers.sqlite", "--output"]
    assert ("iMRMC knows no patients" in run("export", *written, tmp_path / "table.imrmc")) is said
    assert ("RJafroc knows no patients" in run("export", *written, tmp_path / "table.xlsx")) is said
    assert "knows no patients" not in run("export", *written, tmp_path / "table.csv")


@pytest.mark.thorough
def test_a_files_arms_are_compared_and_give_the_variances_of_a_plan(shared: Path, tmp_path: Path) -> None:
    ratings = shared / "data/readers/vandyke.csv"
    assert "vandyke, area under the ROC curve, 1 − 2: -0.0438 [-0.088, 0.000359], p = 0.0517" in run("compare", ratings)
    folders = [save_case(case_of(number), tmp_path / f"c{number}") for number in range(4)]
    run("new", *folders, "--output", tmp_path / "plan.yaml")
    text = (tmp_path / "plan.yaml").read_text(encoding="utf-8").replace("# endpoint:", "endpoint:")
    for number in range(4):
        text = text.replace(
            f"patient: patient-{number + 1}", f"patient: patient-{number + 1}, lesion: {number < 2}".lower()
        )
    (tmp_path / "plan.yaml").write_text(text, encoding="utf-8")
    said = run("check", tmp_path / "plan.yaml", "--pilot", ratings)
    assert "truth is not known; without it" not in said
    assert "with the variances of vandyke.csv, if as many of the cases have a lesion as there:\n3 readers: " in said
    of_van_dyke = run("check", tmp_path / "plan.yaml", "--table")
    assert "of Van Dyke's readers, if as many of the cases have a lesion as there, 39%:\n" in of_van_dyke
    assert "10 readers: 119 cases" in of_van_dyke
    (tmp_path / "several.yaml").write_text(text.replace("patient-3", "patient-1"), encoding="utf-8")
    several = run("check", tmp_path / "several.yaml", "--pilot", ratings)
    assert "vandyke.csv and a design effect of 1.25, since cases of one patient correlate by 0.5, if as many" in several
    assert several.splitlines()[-1] != said.splitlines()[-1]
    (tmp_path / "plan.yaml").write_text(text.replace("measure: auc", "measure: sensitivity"), encoding="utf-8")
    assert "power by simulation:\n2 readers: " in run("check", tmp_path / "plan.yaml", "--table")


def test_nobody_is_invited_to_an_address_that_is_taken(tmp_path: Path) -> None:
    opened_study(tmp_path).close()
    study = tmp_path / "study"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = CliRunner().invoke(cli, ["review", "serve", str(study), "--port", str(port)])
    assert isinstance(found.exception, InputError)
    assert f"127.0.0.1 cannot be listened at with port {port}" in str(found.exception)
    with open_answers(study) as answers:
        assert answers.access.uninvited() == ["R1", "R2"]


def test_nobody_is_invited_with_a_certificate_that_is_none(tmp_path: Path) -> None:
    opened_study(tmp_path).close()
    study, broken = tmp_path / "study", tmp_path / "reading.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n", encoding="utf-8")
    tls = ["--certificate", str(broken), "--certificate-key", str(broken)]
    found = CliRunner().invoke(cli, ["review", "serve", str(study), "--port", str(free_port()), *tls])
    assert isinstance(found.exception, InputError)
    assert "reading.pem and its key cannot be used" in str(found.exception)
    with open_answers(study) as answers:
        assert answers.access.uninvited() == ["R1", "R2"]


def test_a_link_is_that_of_the_page_as_it_was_served_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened_study(tmp_path).close()
    monkeypatch.setattr(Serving, "run", lambda self: self._listening.close())
    public = ["--public", "https://reading.example.org/", "--port", free_port()]
    study, kept = tmp_path / "study", ["--answers", tmp_path / "kept.sqlite"]
    found = CliRunner().invoke(cli, ["review", "invite", str(study), "R1"])
    assert "was not served yet" in str(found.exception)
    said = run("serve", study, *public)
    assert said.count(": https://reading.example.org/#") == 2
    assert "Serving at https://reading.example.org;" in said
    assert f"recon-robust review invite {study} R1\n" in run("serve", study, *public)
    assert run("invite", study, "R1").startswith("https://reading.example.org/#")
    run("serve", study, *kept, "--port", free_port())
    port = free_port()
    assert f" R1 --answers {kept[1]}\n" in run("serve", study, *kept, "--port", port)
    assert run("invite", study, "R1", *kept).startswith(f"http://127.0.0.1:{port}/#")
    assert "the log is whole: " in run("audit", study, *kept)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("serve", "{study}", "--host", "0.0.0.0"), "can be reached from other machines"),
        (("serve", "{study}", "--certificate", "a.pem"), "belong together"),
        (("serve", "{study}", "--public", "https://example.org/study"), "lies in no folder of its host"),
        (("invite", "{study}", "R9"), "there is no reader 'R9'"),
        (("invite", "{study}", "R1", "--address", "example.org"), "is no address of the page"),
        *((("invite", "{study}", "R1", "--address", "http://a", "--days", days), "a number above 0") for days in DAYS),
        (("export", "{study}", "--output", "a.txt"), "has no known suffix"),
        (("export", "{study}", "--key", "{study}/study.json"), "is not the key"),
        (("status", "{study}/.."), "is no frozen reader study"),
    ],
)
def test_bad_input_gets_one_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    from napari_recon_robust.reader_studies.freezing import freeze
    from napari_recon_robust.reader_studies.plan import read_plan
    from napari_recon_robust.reader_studies.planning import new_plan

    folder = save_case(case_of(0), tmp_path / "c0")
    study = freeze(read_plan(new_plan([folder], tmp_path / "plan.yaml")), tmp_path / "study", tmp_path)
    found = CliRunner().invoke(cli, ["review", *(word.format(study=study) for word in words)])
    assert found.exit_code != 0
    assert sentence in (found.output if isinstance(found.exception, SystemExit) else str(found.exception))


def test_the_blind_is_kept_where_the_analysis_could_not_be_written(tmp_path: Path) -> None:
    opened_study(tmp_path).close()
    study, answers = tmp_path / "study", tmp_path / "answers.sqlite"
    words = ["analyse", study, "--answers", answers, "--output", tmp_path / "analysis.pdf"]
    found = CliRunner().invoke(cli, ["review", *map(str, words)])
    assert "name it .html or .csv" in str(found.exception)
    with open_answers(study, answers) as opened:
        assert opened.verify().lines == 1, "the log has nothing but its beginning"


def test_what_was_left_out_of_a_comparison_is_printed(shared: Path, tmp_path: Path) -> None:
    lines = (shared / "data/readers/vandyke.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "less.csv").write_text("\n".join([lines[0], *lines[2:]]), encoding="utf-8")
    said = run("compare", tmp_path / "less.csv")
    assert said.count("1 of 570 readings left out, since they are not of all arms") == 1
