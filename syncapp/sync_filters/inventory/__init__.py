"""What is known of each user's filters: matrix, risk, recommendations, forecasts, history, lists of other products."""
