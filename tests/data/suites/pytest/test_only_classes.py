class TestPlain:
    def test_plain(self, tmp_path):
        assert tmp_path.is_dir()
