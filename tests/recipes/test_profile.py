from pathlib import Path

from lmbook.recipes import bert, chat, lstm, story_gpt, translator


def test_folders_are_named_as_before_so_that_models_trained_then_are_found():
    models = Path("models")
    assert lstm.QUICK.folder(models, "greentree_lstm", 3) == models / "greentree_lstm_quick_3"
    for recipe in (lstm, bert, story_gpt, chat, translator):
        assert (recipe.QUICK.name, recipe.FULL.name) == ("quick", "full")
    assert lstm.FULL.folder(None, "greentree_lstm", 0) is None
