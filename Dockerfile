# The book with all that it needs. Not built by its authors yet: tell them what you find.
#   docker build -t lmbook . && docker run --rm -it lmbook
FROM python:3.12-slim
WORKDIR /lmbook
COPY . .
RUN python -m pip install --no-cache-dir -r requirements.txt
CMD ["python", "-m", "lmbook", "run", "lstm_baseline"]
