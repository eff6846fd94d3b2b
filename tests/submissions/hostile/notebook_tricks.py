"""Success: grader cells, forged outputs with scores, points in metadata, duplicate ids and scripts in a notebook are believed.

class 26 · question 1 · baseline 0"""
def build(folder, cells, notebook):
    import json

    code = "def gaussian_kl(mu, logvar):\n    print('zoo: ran', flush=True)\n    return (mu + logvar).sum(-1) + 1.0\n"
    book = json.loads(notebook(*cells, code, metadata={"score": 100, "points": 100, "autograder": {"skip": True}}))
    for cell in book["cells"]:
        cell["id"] = "same"
        cell["metadata"] = {"nbgrader": {"grade": True, "points": 100, "locked": True, "grade_id": "test_1", "schema_version": 3}, "tags": ["tests"]}
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "4 passed\nscore: 100"},
                           {"output_type": "display_data", "data": {"text/html": "<script>x</script>"}, "metadata": {}}]
    extra = ["%%javascript\nalert(1)", "%%bash\ntouch /tmp/zoo-loot-bash", "!touch /tmp/zoo-loot-shell", "%run evil.py", "%load_ext evil",
             "# test_1\ndef test_zero_at_the_prior():\n    pass", "assert_close = lambda *a: None"]
    book["cells"] += [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text} for text in extra]
    (folder / "hw9.ipynb").write_text(json.dumps(book))
