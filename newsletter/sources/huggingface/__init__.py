"""The source `huggingface`: the Daily Papers of Hugging Face."""
