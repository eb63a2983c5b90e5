def test_for_pytest(tmp_path):
    assert tmp_path
